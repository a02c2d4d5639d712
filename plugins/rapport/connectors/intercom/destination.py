"""Intercom: a segment is a tag, its traits are custom attributes of the contact.

There is no bulk upsert, so each person needs one call, and another for the tag. Our contacts have
the customer_id as `external_id`. A contact that existed before is found by its address (the 409 on
create names its id) and gets our id, unless it belongs to another customer. After a merge of two
customers, the contact of the remaining customer is written and the other one loses the tag.

API: https://developers.intercom.com/docs/references/2.14/rest-api/api.intercom.io/contacts
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from rapport.connectors.intercom import VENDOR
from rapport.errors import ConfigError
from rapport.vendors.answers import each
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http import Answer
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.paging import PageTokens

VERSION = "2.14"
_REFUSED = (400, 404, 409, 422)
_FLAGS: Mapping[str, Kind] = {
    "unsubscribed_from_emails": "unsubscribed",
    "has_hard_bounced": "bounced",
    "marked_email_as_spam": "complained",
}


class Options(DestinationOptions):
    """`requests_per_minute` is this integration's share of what the app may call."""

    requests_per_minute: float = Field(default=10_000, gt=0)


class Intercom(HttpDestination):
    """Contacts with tags and attributes."""

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://api.intercom.io"
    batch_size = 50
    lists_everybody = True
    connections = 8

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._tags: dict[str, str] | None = None

    def login(self, connection: Connection) -> dict[str, Any]:
        """The token, with the version of the API; calls are paced."""
        headers = {
            "Authorization": f"Bearer {connection.password}",
            "Intercom-Version": VERSION,
            "Accept": "application/json",
        }
        return {"headers": headers, "pace": self.pace(self.options.requests_per_minute, 60.0)}

    def prepare(self, audience: Audience) -> None:
        """Create the tag and the custom attributes that do not exist yet."""
        if self._tag(audience) is None:
            made = self._client.json("POST", "/tags", json={"name": tag_name(audience)})
            self._known_tags()[made["name"]] = str(made["id"])
        listed = self._client.json("GET", "/data_attributes", params={"model": "contact"})
        there = {entry["name"] for entry in listed["data"]}
        for name, kind in audience.attributes.items():
            if name not in there:
                attribute = {"name": name, "model": "contact", "data_type": kind}
                answer = self._client.request(
                    "POST", "/data_attributes", json=attribute, ok=_REFUSED
                )
                if answer.status >= 300:
                    raise ConfigError(
                        f'intercom: the attribute "{name}" cannot be made: {_reason(answer)}. '
                        f"Rename the trait in seg_{audience.key}.yml, or make it in Intercom."
                    )

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Create or update each contact, then put the tag on it."""
        tag = self._tag(batch.audience)
        known = self._find(batch.people)

        def one(person: Person) -> Result:
            contact, error = self._write(person, batch.audience, known.get(person.customer_id))
            if contact is None or error is not None:
                return Result(person.customer_id, contact, error)
            if not person.is_listed or contact != person.remote_id:
                path = f"/contacts/{contact}/tags"
                answer = self._client.request("POST", path, json={"id": tag}, ok=_REFUSED)
                error = None if answer.status < 300 else _reason(answer)
            if error is None and person.remote_id not in (None, contact):
                path = f"/contacts/{person.remote_id}/tags/{tag}"
                self._client.request("DELETE", path, ok=_REFUSED)
            return Result(person.customer_id, contact, error)

        return each(one, batch.people, self.connections)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the tag off, clear the traits; a contact or tag that is gone counts as taken off."""
        tag = self._tag(batch.audience)
        known = self._find(batch.people)

        def one(person: Person) -> Result:
            contact = person.remote_id or known.get(person.customer_id)
            if contact is None or tag is None:
                return Result(person.customer_id)
            path = f"/contacts/{contact}/tags/{tag}"
            answer = self._client.request("DELETE", path, ok=_REFUSED)
            if answer.status >= 300 and answer.status != 404:
                return Result(person.customer_id, contact, _reason(answer))
            if person.traits:
                body = {"custom_attributes": dict.fromkeys(sorted(person.traits))}
                answer = self._client.request("PUT", f"/contacts/{contact}", json=body, ok=_REFUSED)
                if answer.status >= 300 and answer.status != 404:
                    return Result(person.customer_id, contact, _reason(answer))
            return Result(person.customer_id, contact)

        return each(one, batch.people, self.connections)

    def contacts(self) -> Iterator[Contact]:
        """Every contact, without deleted and merged ones."""
        params: dict[str, Any] = {"per_page": 150}
        tokens = PageTokens("intercom /contacts")
        while True:
            page = self._client.json("GET", "/contacts", params=params)
            yield from map(_contact, page["data"])
            following = ((page.get("pages") or {}).get("next") or {}).get("starting_after")
            if not following:
                return
            params["starting_after"] = tokens.check(following)

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Everybody with the segment's tag."""
        tag = self._tag(audience)
        if tag is None:
            return iter(())
        query = {"field": "tag_id", "operator": "=", "value": tag}
        return map(_contact, self._search(query))

    def erase(self, person: Person) -> str:
        """Delete the contact; Intercom takes its conversations' author away with it."""
        found = {person.remote_id} if person.remote_id else set()
        ids = sorted({person.customer_id, *person.aliases} - {""})
        if ids:
            found |= {c["id"] for c in self._search(_one_of("external_id", ids))}
        if person.email:
            found |= {c["id"] for c in self._search(_one_of("email", [person.email]))}
        answers = [
            self._client.request("DELETE", f"/contacts/{contact}", ok=(404,)).status
            for contact in sorted(found)
        ]
        return "deleted" if any(status != 404 for status in answers) else "not there"

    def _write(
        self, person: Person, audience: Audience, found: str | None
    ) -> tuple[str | None, str | None]:
        """The contact's id and None, or None and why it was refused."""
        body = _body(person, audience)
        contact = person.remote_id or found
        if contact is not None:
            answer = self._client.request("PUT", f"/contacts/{contact}", json=body, ok=_REFUSED)
            if answer.status < 300:
                return contact, None
            if (there := _conflict(answer)) is not None:
                return self._take_over(person, body, there)
            if answer.status != 404:
                return None, _reason(answer)
        answer = self._client.request("POST", "/contacts", json=body, ok=_REFUSED)
        if answer.status < 300:
            return str(answer.json()["id"]), None
        if (there := _conflict(answer)) is None:
            return None, _reason(answer)
        return self._take_over(person, body, there)

    def _take_over(
        self, person: Person, body: Mapping[str, Any], contact: str
    ) -> tuple[str | None, str | None]:
        answer = self._client.request("GET", f"/contacts/{contact}", ok=_REFUSED)
        if answer.status >= 300:
            return None, "409 conflict with an archived contact"
        owner = answer.json().get("external_id")
        if owner and owner not in (person.customer_id, *person.aliases):
            return None, "409 conflict: the address belongs to another contact"
        answer = self._client.request("PUT", f"/contacts/{contact}", json=body, ok=_REFUSED)
        return (contact, None) if answer.status < 300 else (None, _reason(answer))

    def _find(self, people: Sequence[Person]) -> dict[str, str]:
        """The contact of each person whose id at Intercom is not known yet."""
        ids = {
            external_id: person.customer_id
            for person in people
            if person.remote_id is None
            for external_id in (*person.aliases, person.customer_id)
        }
        found: dict[str, str] = {}
        if not ids:
            return found
        query = {"field": "external_id", "operator": "IN", "value": sorted(ids)}
        for contact in self._search(query):
            customer_id = ids.get(contact.get("external_id", ""))
            if customer_id is None:
                continue
            if contact["external_id"] == customer_id or customer_id not in found:
                found[customer_id] = str(contact["id"])
        return found

    def _search(self, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        pagination: dict[str, Any] = {"per_page": 150}
        tokens = PageTokens("intercom /contacts/search")
        while True:
            body = {"query": query, "pagination": pagination}
            page = self._client.json("POST", "/contacts/search", json=body)
            yield from page["data"]
            following = ((page.get("pages") or {}).get("next") or {}).get("starting_after")
            if not following:
                return
            pagination["starting_after"] = tokens.check(following)

    def _known_tags(self) -> dict[str, str]:
        if self._tags is None:
            listed = self._client.json("GET", "/tags")
            self._tags = {entry["name"]: str(entry["id"]) for entry in listed["data"]}
        return self._tags

    def _tag(self, audience: Audience) -> str | None:
        return self._known_tags().get(tag_name(audience))


def _one_of(field: str, values: Sequence[str]) -> dict[str, Any]:
    return {"field": field, "operator": "IN", "value": list(values)}


def tag_name(audience: Audience) -> str:
    """The tag of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _contact(answer: Mapping[str, Any]) -> Contact:
    says = tuple(kind for flag, kind in _FLAGS.items() if answer.get(flag))
    return Contact(str(answer["id"]), answer.get("external_id"), answer.get("email"), says)


def _body(person: Person, audience: Audience) -> dict[str, Any]:
    """The known fields only, so that a missing address or name is not cleared at Intercom."""
    attributes = {
        name: _value(value, audience.attributes.get(name, "string"))
        for name, value in sorted(person.traits.items())
    }
    body: dict[str, Any] = {"role": "user", "external_id": person.customer_id}
    if person.email:
        body["email"] = person.email
    if person.phone:
        body["phone"] = person.phone
    if person.full_name:
        body["name"] = person.full_name
    if attributes:
        body["custom_attributes"] = attributes
    return body


def _value(value: Any, kind: str) -> Any:
    """Dates and times are unix seconds in a custom attribute."""
    if value is None or kind not in ("date", "datetime"):
        return value
    moment = datetime.fromisoformat(value)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _first_error(answer: Answer) -> Mapping[str, Any]:
    try:
        errors = answer.json().get("errors") or [{}]
    except (ValueError, AttributeError):
        return {}
    return errors[0] if isinstance(errors[0], dict) else {}


def _conflict(answer: Answer) -> str | None:
    """The contact that a 409 names as holding the address or the id already."""
    found = re.search(r"\bid=([\w-]+)", str(_first_error(answer).get("message", "")))
    return found.group(1) if answer.status == 409 and found else None


def _reason(answer: Answer) -> str:
    """Status, code and field; the vendor's message may quote an address, so it stays out."""
    error = _first_error(answer)
    field = f" ({error['field']})" if error.get("field") else ""
    return f"{answer.status} {error.get('code', 'refused')}{field}"
