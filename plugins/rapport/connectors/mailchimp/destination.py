"""Mailchimp: a segment is a tag (a static segment) of one audience, traits are merge fields.

Members are sent 500 per call with `status_if_new`, never with `status`, so that a list never
subscribes a person again who unsubscribed. A 200 contains an error for each refused row, and the
status of each member. A member who is not subscribed does not count as sent and gets no tag. A
person who leaves the segment loses the tag. Members are never archived or deleted, because
Mailchimp never accepts a deleted address again.

API: https://mailchimp.com/developer/marketing/api/lists/batch-subscribe-or-unsubscribe/
Assumed: `status_if_new` works in the batch call as in that page's example, and a merge field that
is sent empty is cleared.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapport.connectors.mailchimp import VENDOR
from rapport.errors import ConfigError
from rapport.vendors.answers import REFUSED, address_key, code, each, first_of_each_address, md5
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http import Answer, Client
from rapport.vendors.http_destination import HttpDestination

OUT: Mapping[str, Kind] = {
    "unsubscribed": "unsubscribed",
    "cleaned": "bounced",
    "archived": "deleted",
}
OWN_ID = "Rapport customer id"
_TYPES = {"integer": "number", "float": "number", "date": "date"}


class Options(DestinationOptions):
    """`audience` is the id of the audience, needed where the account has several."""

    audience: str | None = None


class Mailchimp(HttpDestination):
    """Members of one audience, with a tag a segment.

    Option `audience: <id>` names the audience where the account has several.
    """

    vendor = VENDOR
    options: Options
    options_model = Options
    missing = "the API key is missing (password)."
    batch_size = 500
    connections = 8  # Mailchimp takes 10 at once, over all that use the account

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._audience: str | None = None
        self._fields: dict[str, str] = {}
        self._tags: dict[str, int] = {}
        self._lock = threading.Lock()

    def open(self, connection: Connection) -> Client:
        """At the data centre that the key names."""
        key = connection.password
        if not connection.host and "-" not in key:
            raise ConfigError(
                f'connection "{self.name}": the key names no data centre: set the host.'
            )
        host = base_url(connection, f"https://{key.rpartition('-')[2]}.api.mailchimp.com")
        return self.client_at(host, auth=("rapport", key), is_throttled=_is_throttled)

    def prepare(self, audience: Audience) -> None:
        """Create the tag, and the merge fields for our id and each trait, if they do not exist."""
        if tag_name(audience) not in self._known_tags():
            body = {"name": tag_name(audience), "static_segment": []}
            answer = self._client.json("POST", f"{self._list}/segments", json=body)
            self._tags[answer["name"]] = int(answer["id"])
        there = self._walk(f"{self._list}/merge-fields", "merge_fields")
        self._fields = {field["name"]: field["tag"] for field in there}
        for name, kind in {OWN_ID: "string", **audience.attributes}.items():
            if name not in self._fields:
                field = {"name": name, "type": _TYPES.get(kind, "text"), "public": False}
                answer = self._client.json("POST", f"{self._list}/merge-fields", json=field)
                self._fields[name] = answer["tag"]

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Create or update the members, then tag those who are subscribed."""
        people, errors = first_of_each_address(batch.people)
        if people:
            members = [self._member(person) for person in people.values()]
            answer = self._client.json(
                "POST", self._list, json={"members": members, "update_existing": True}
            )
            status = {
                address_key(member["email_address"]): member["status"]
                for part in ("new_members", "updated_members")
                for member in answer[part]
            }
            refused = {
                address_key(row.get("email_address") or ""): code(row.get("error_code"))
                for row in answer["errors"]
            }
            for key, person in people.items():
                if key in refused:
                    errors[person.customer_id] = refused[key]
                elif status.get(key) != "subscribed":
                    said = OUT.get(status.get(key, ""), "not subscribed")
                    errors[person.customer_id] = f"{said} at the tool"
            self._tag(batch.audience, people, errors)
            each(lambda person: self._leave_old_address(batch, person), batch.people, 1)
        return [
            Result(
                person.customer_id,
                md5(address_key(person.email)) if person.email else None,
                errors.get(person.customer_id),
            )
            for person in batch.people
        ]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the tag off, and clear what no other list sends; who is gone counts as removed."""
        if tag_name(batch.audience) not in self._known_tags() or not batch.people:
            return [Result(person.customer_id, person.remote_id) for person in batch.people]
        by_address: list[Person] = []
        by_id: list[Person] = []
        for person in batch.people:
            key = address_key(person.email or "")
            is_same = bool(key) and person.remote_id in (None, md5(key))
            (by_address if is_same else by_id).append(person)
        if by_address:
            leaving = [address_key(person.email or "") for person in by_address]
            self._change_tag(batch.audience, {"members_to_remove": leaving})
        each(lambda p: self._untag(batch.audience, p.remote_id), by_id, self.connections)
        each(self._clear, [p for p in batch.people if p.traits], self.connections)
        return [Result(person.customer_id, person.remote_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        """Who unsubscribed, bounced, was archived, or reported abuse; the others are not listed."""
        for status, kind in OUT.items():
            wanted = {"status": status, "fields": "members.id,members.email_address,total_items"}
            for member in self._walk(f"{self._list}/members", "members", **wanted):
                yield Contact(member["id"], None, member["email_address"], (kind,))
        for report in self._walk(f"{self._list}/abuse-reports", "abuse_reports"):
            yield Contact(report["email_id"], None, report["email_address"], ("complained",))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Everybody with the segment's tag."""
        segment = self._known_tags().get(tag_name(audience))
        if segment is None:
            return
        there = self._walk(f"{self._list}/merge-fields", "merge_fields")
        own = next((field["tag"] for field in there if field["name"] == OWN_ID), "")
        for member in self._walk(f"{self._list}/segments/{segment}/members", "members"):
            customer_id = member["merge_fields"].get(own) or None
            yield Contact(member["id"], customer_id, member["email_address"])

    def erase(self, person: Person) -> str:
        """Delete for good: the address can never be imported again, which an erasure wants."""
        ids = {person.remote_id} if person.remote_id else set()
        ids |= {md5(address_key(person.email))} if person.email else set()
        gone = [
            self._client.request(
                "POST", f"{self._list}/members/{id}/actions/delete-permanent", ok=(404, 405)
            ).status
            for id in sorted(ids)
        ]
        return "deleted" if any(status < 300 for status in gone) else "not there"

    def _member(self, person: Person) -> dict[str, Any]:
        values = {OWN_ID: person.customer_id, **person.traits}
        fields = {self._fields[name]: _value(value) for name, value in sorted(values.items())}
        first, _, last = (person.full_name or "").partition(" ")
        fields |= {tag: name for tag, name in (("FNAME", first), ("LNAME", last)) if name}
        return {
            "email_address": person.email,
            "status_if_new": "subscribed",
            "merge_fields": fields,
        }

    def _tag(
        self, audience: Audience, people: Mapping[str, Person], errors: dict[str, str]
    ) -> None:
        joining = [key for key, person in people.items() if person.customer_id not in errors]
        if joining:
            answer = self._change_tag(audience, {"members_to_add": joining})
            for entry in answer["errors"]:
                for address in entry.get("email_addresses", []):
                    person = people.get(address_key(address))
                    if person is not None:
                        errors[person.customer_id] = "the tag was refused"

    def _leave_old_address(self, batch: Batch, person: Person) -> None:
        """Somebody with a new address is a new member: the old one loses the tag."""
        old = person.remote_id
        if old and person.email and old != md5(address_key(person.email)):
            self._untag(batch.audience, old)

    def _change_tag(self, audience: Audience, body: Mapping[str, Any]) -> dict[str, Any]:
        segment = self._known_tags()[tag_name(audience)]
        path = f"{self._list}/segments/{segment}"
        answer: dict[str, Any] = self._client.json("POST", path, json=body)
        return answer

    def _untag(self, audience: Audience, member: str | None) -> None:
        if member:
            body = {"tags": [{"name": tag_name(audience), "status": "inactive"}]}
            path = f"{self._list}/members/{member}/tags"
            self._client.request("POST", path, json=body, ok=(404,))

    def _clear(self, person: Person) -> None:
        member = person.remote_id or md5(address_key(person.email or ""))
        fields = {self._fields[name]: "" for name in person.traits if name in self._fields}
        if fields:
            body = {"merge_fields": fields}
            self._client.request("PATCH", f"{self._list}/members/{member}", json=body, ok=REFUSED)

    @property
    def _list(self) -> str:
        """The path of the audience: option `audience`, else the only one that there is."""
        with self._lock:
            if self._audience is None:
                self._audience = self.options.audience or self._only_audience()
        return f"/3.0/lists/{self._audience}"

    def _only_audience(self) -> str:
        found = [entry["id"] for entry in self._walk("/3.0/lists", "lists")]
        if len(found) != 1:
            raise ConfigError(
                f"mailchimp: there are {len(found)} audiences. Set `audience` below "
                "`destinations: mailchimp:` in rapport.yml to the id of the one to use."
            )
        return str(found[0])

    def _known_tags(self) -> dict[str, int]:
        if not self._tags:
            found = self._walk(f"{self._list}/segments", "segments", type="static")
            self._tags = {entry["name"]: int(entry["id"]) for entry in found}
        return self._tags

    def _walk(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            query = {"count": 1000, "offset": offset, **params}
            rows = self._client.json("GET", path, params=query)[key]
            yield from rows
            if len(rows) < 1000:
                return
            offset += len(rows)


def tag_name(audience: Audience) -> str:
    """The tag of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _value(value: Any) -> Any:
    """Booleans are text; nothing clears the field."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _is_throttled(answer: Answer) -> bool:
    """At volume the refusal is a bare 403 page; a 403 that is about rights is JSON."""
    return answer.status == 403 and "json" not in answer.headers.get("content-type", "")
