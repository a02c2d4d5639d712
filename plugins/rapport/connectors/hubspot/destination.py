"""HubSpot: a segment is a static list, traits are properties of the contact named `rapport_…`.

Contacts are written 100 per call and matched by `objectWriteTraceId`, never by position. A 207 may
leave out rows without an error; these were not accepted. A list takes record ids and skips unknown
ones, so an id that it reports as missing is an error of that row. No contact is deleted: a person
who leaves the segment is only taken off the list.

Lists: https://developers.hubspot.com/docs/api-reference/crm-lists-v3/guide
Contacts: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
Consent: https://developers.hubspot.com/docs/api-reference/communication-preferences-v4/guide
Assumed: an empty value clears a property; `hs_email_hard_bounce_reason_enum` is empty where no
address bounced.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rapport.connectors.hubspot import VENDOR
from rapport.vendors.answers import address_key, body_of, code, first_of_each_address, results
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.paging import PageTokens

CONTACTS = "/crm/v3/objects/contacts"
OWN_ID = "rapport_customer_id"
READ = f"email,hs_email_optout,hs_email_hard_bounce_reason_enum,hs_merged_object_ids,{OWN_ID}"
_TYPES = {
    "integer": ("number", "number"),
    "float": ("number", "number"),
    "boolean": ("enumeration", "booleancheckbox"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
}
_YES_NO = [
    {"label": "Yes", "value": "true", "displayOrder": 0},
    {"label": "No", "value": "false", "displayOrder": 1},
]


class Options(DestinationOptions):
    """`subscription` is the id of a subscription type, of which who opted out is pulled."""

    subscription: str = ""


class HubSpot(HttpDestination):
    """Static lists of contacts; traits become `rapport_…` properties.

    Opt-outs are pulled; option `subscription: <id>` takes those of one subscription type too.
    """

    vendor = VENDOR
    options: Options
    options_model = Options
    address = "https://api.hubapi.com"
    batch_size = 100
    lists_everybody = True

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lists: dict[str, str] = {}

    def prepare(self, audience: Audience) -> None:
        """Create the list, and the properties for our id and each trait, if they do not exist."""
        if self._list(audience) is None:
            body = {
                "name": list_name(audience),
                "objectTypeId": "0-1",
                "processingType": "MANUAL",
            }
            answer = self._client.json("POST", "/crm/v3/lists", json=body)
            self._lists[audience.key] = str(answer["list"]["listId"])
        listed = self._client.json("GET", "/crm/v3/properties/contacts")
        there = {entry["name"] for entry in listed["results"]}
        wanted = {OWN_ID: "string", **{_property(n): k for n, k in audience.attributes.items()}}
        missing = [name for name in wanted if name not in there]
        if missing:
            group = {"name": "rapport", "label": "Rapport"}
            path = "/crm/v3/properties/contacts/groups"
            self._client.request("POST", path, json=group, ok=(409,))
        for name in missing:
            kind, field = _TYPES.get(wanted[name], ("string", "text"))
            made: dict[str, Any] = {"name": name, "label": name, "groupName": "rapport"}
            made |= {"type": kind, "fieldType": field}
            if kind == "enumeration":
                made["options"] = _YES_NO
            self._client.request("POST", "/crm/v3/properties/contacts", json=made, ok=(409,))

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Update the contacts that we know, create or find the others by address, list them."""
        people, errors = first_of_each_address(batch.people)
        known = {p.customer_id: p for p in people.values() if p.remote_id}
        unknown = {p.customer_id: p for p in people.values() if not p.remote_id}
        ids: dict[str, str] = {}
        if known:
            gone = self._write("update", known, ids, errors, lambda p: {"id": p.remote_id})
            unknown |= {key: known[key] for key in gone}
        if unknown:
            self._write(
                "upsert", unknown, ids, errors, lambda p: {"id": p.email, "idProperty": "email"}
            )
        if ids:
            missing = self._change(batch.audience, "recordIdsToAdd", ids.values())
            for customer_id, id in ids.items():
                if id in missing:
                    errors[customer_id] = "the list does not know the contact"
        return results(batch, errors, ids)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take people off the list; who is not there any more counts as taken off."""
        ids = {p.customer_id: p.remote_id for p in batch.people if p.remote_id}
        lost = [p for p in batch.people if not p.remote_id and p.email]
        ids |= self._find(lost) if lost else {}
        if ids and self._list(batch.audience) is not None:
            self._change(batch.audience, "recordIdsToRemove", ids.values())
        cleared = [
            {"id": ids[p.customer_id], "properties": {_property(n): "" for n in p.traits}}
            for p in batch.people
            if p.traits and p.customer_id in ids
        ]
        if cleared:
            path = f"{CONTACTS}/batch/update"
            self._client.request("POST", path, json={"inputs": cleared}, ok=(400, 404))
        return results(batch, {}, ids)

    def contacts(self) -> Iterator[Contact]:
        """Every contact, also under the ids that were merged into it, and who opted out."""
        for page in self._walk(CONTACTS, properties=READ):
            out = self._unsubscribed([entry["properties"].get("email") for entry in page])
            for entry in page:
                values = entry["properties"]
                email = values.get("email")
                says: list[Kind] = []
                if values.get("hs_email_optout") == "true" or address_key(email or "") in out:
                    says.append("unsubscribed")
                if values.get("hs_email_hard_bounce_reason_enum"):
                    says.append("bounced")
                merged = (values.get("hs_merged_object_ids") or "").split(";")
                for id in filter(None, (str(entry["id"]), *merged)):
                    yield Contact(id, values.get(OWN_ID), email, tuple(says))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Everybody on the list."""
        if self._list(audience) is None:
            return
        for page in self._walk(f"/crm/v3/lists/{self._list(audience)}/memberships"):
            inputs = [{"id": str(entry["recordId"])} for entry in page]
            body = {"inputs": inputs, "properties": ["email", OWN_ID]}
            for entry in self._client.json("POST", f"{CONTACTS}/batch/read", json=body)["results"]:
                values = entry["properties"]
                yield Contact(str(entry["id"]), values.get(OWN_ID), values.get("email"))

    def erase(self, person: Person) -> str:
        """Delete for good, by id: an address that HubSpot does not know it would block for ever."""
        ids = {person.remote_id} if person.remote_id else set()
        ids |= set(self._find([person]).values()) if person.email else set()
        for id in sorted(ids):
            path = f"{CONTACTS}/gdpr-delete"
            self._client.request("POST", path, json={"objectId": id}, ok=(404,))
        return "deleted" if ids else "not there"

    def _write(
        self,
        how: str,
        people: Mapping[str, Person],
        ids: dict[str, str],
        errors: dict[str, str],
        by: Any,
    ) -> list[str]:
        """Writes contacts; fills `ids` and `errors`. Answers whom an update did not find."""
        inputs = [
            {**by(person), "objectWriteTraceId": key, "properties": _properties(person)}
            for key, person in people.items()
        ]
        path = f"{CONTACTS}/batch/{how}"
        answer = self.ask_for_all(
            "POST",
            path,
            json={"inputs": inputs},
            why=lambda body: code(body.get("category")),
            refused=(400, 409),
        )
        body = body_of(answer)
        found = {row.get("objectWriteTraceId"): str(row["id"]) for row in body.get("results", [])}
        ids |= {key: id for key, id in found.items() if key in people}
        gone = []
        refused: dict[str, str] = {}
        for error in body.get("errors", []):
            context = error.get("context", {})
            for key in context.get("objectWriteTraceId", []):
                refused[key] = code(error.get("category"))
            if how == "update" and error.get("category") == "OBJECT_NOT_FOUND":
                lost = set(context.get("ids", []))
                gone += [key for key, person in people.items() if person.remote_id in lost]
        for key in people:
            if key not in found and key not in gone:
                errors[key] = refused.get(key, f"{answer.status} without a word about this row")
        return gone

    def _change(self, audience: Audience, how: str, ids: Any) -> set[str]:
        body: dict[str, list[str]] = {"recordIdsToAdd": [], "recordIdsToRemove": []}
        body[how] = sorted(ids)
        path = f"/crm/v3/lists/{self._list(audience)}/memberships/add-and-remove"
        answer = self._client.json("PUT", path, json=body)
        return {str(id) for id in answer.get("recordIdsMissing", [])}

    def _find(self, people: Sequence[Person]) -> dict[str, str]:
        """The contacts with our id, for people whose id at HubSpot is not known."""
        body = {
            "idProperty": "email",
            "inputs": [{"id": address_key(person.email or "")} for person in people],
            "properties": ["email", OWN_ID],
        }
        found = self._client.json("POST", f"{CONTACTS}/batch/read", json=body)["results"]
        owners = {row["properties"].get(OWN_ID): str(row["id"]) for row in found}
        return {
            person.customer_id: owners[own]
            for person in people
            for own in (person.customer_id, *person.aliases)
            if own in owners
        }

    def _unsubscribed(self, emails: Sequence[str | None]) -> set[str]:
        """Who opted out of option `subscription`, the id of a subscription type."""
        inputs = [email for email in emails if email]
        subscription = self.options.subscription
        if not subscription or not inputs:
            return set()
        path = "/communication-preferences/v4/statuses/batch/read"
        answer = self._client.json(
            "POST", path, params={"channel": "EMAIL"}, json={"inputs": inputs}
        )
        return {
            address_key(row["subscriberIdString"])
            for row in answer["results"]
            for status in row["statuses"]
            if str(status["subscriptionId"]) == subscription and status["status"] == "UNSUBSCRIBED"
        }

    def _list(self, audience: Audience) -> str | None:
        if audience.key not in self._lists:
            path = f"/crm/v3/lists/object-type-id/0-1/name/{list_name(audience)}"
            answer = self._client.request("GET", path, ok=(404,))
            if answer.status == 404:
                return None
            self._lists[audience.key] = str(answer.json()["list"]["listId"])
        return self._lists[audience.key]

    def _walk(self, path: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
        tokens = PageTokens(f"hubspot {path}")
        query: dict[str, Any] = {"limit": 100, **params}
        while True:
            page = self._client.json("GET", path, params=query)
            if page["results"]:
                yield page["results"]
            following = ((page.get("paging") or {}).get("next") or {}).get("after")
            if not following:
                return
            query["after"] = tokens.check(str(following))


def list_name(audience: Audience) -> str:
    """The list of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _property(trait: str) -> str:
    return f"rapport_{trait}"


def _properties(person: Person) -> dict[str, str]:
    """The known fields only. A missing name is not cleared; a trait that is None is."""
    first, _, last = (person.full_name or "").partition(" ")
    values = {"email": person.email, "firstname": first, "lastname": last, "phone": person.phone}
    sent = {name: value for name, value in values.items() if value}
    sent[OWN_ID] = person.customer_id
    return sent | {_property(name): _value(value) for name, value in sorted(person.traits.items())}


def _value(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
