"""SendGrid: a segment is a contact list, traits are custom fields named `rapport_…`.

An upsert starts a job (202), which is followed to its end. Then the contacts are looked up, because
a job that ends as `errored` does not name the people concerned. A person found on the list was
accepted. A person who leaves is taken off the list and stays a contact; custom fields stay as they
are. A trait that is empty or no longer declared keeps its last value too, because the call cannot
clear a field.

API: https://www.twilio.com/docs/sendgrid/api-reference/contacts/add-or-update-a-contact
Suppressions: https://www.twilio.com/docs/sendgrid/api-reference/suppressions-global-suppressions
Assumed: a contact is found by its address as soon as its job has ended.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rapport.connectors.sendgrid import VENDOR
from rapport.vendors.answers import address_key, body_of, code, first_of_each_address, results
from rapport.vendors.destination import (
    Audience,
    Batch,
    Contact,
    DestinationOptions,
    Job,
    Kind,
    Person,
    Result,
)
from rapport.vendors.http import Client
from rapport.vendors.http_destination import HttpDestination
from rapport.vendors.paging import PageTokens

ADDRESS, NO_KEY = "https://api.sendgrid.com", "the API key is missing (password)."
CONTACTS = "/v3/marketing/contacts"
LISTS = "/v3/marketing/lists"
FIELDS = "/v3/marketing/field_definitions"
OUT: tuple[tuple[str, Kind], ...] = (
    ("/v3/suppression/unsubscribes", "unsubscribed"),
    ("/v3/suppression/bounces", "bounced"),
    ("/v3/suppression/invalid_emails", "bounced"),
    ("/v3/suppression/spam_reports", "complained"),
)
_TYPES = {"integer": "Number", "float": "Number", "date": "Date", "datetime": "Date"}
ONE_SEARCH = 100


class Options(DestinationOptions):
    """`group` is an unsubscribe group, of which who left is pulled."""

    group: int | None = None


class SendGrid(HttpDestination):
    """Contact lists of Marketing Campaigns.

    Option `group: <id>` pulls the opt-outs of an unsubscribe group too.
    """

    vendor = VENDOR
    options: Options
    options_model = Options
    address = ADDRESS
    missing = NO_KEY
    batch_size = 1000

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lists: dict[str, str] = {}
        self._fields: dict[str, str] = {}

    def prepare(self, audience: Audience) -> None:
        """Create the list and the custom fields that do not exist yet."""
        if self._list(audience) is None:
            answer = self._client.json("POST", LISTS, json={"name": list_name(audience)})
            self._lists[list_name(audience)] = str(answer["id"])
        there = self._client.json("GET", FIELDS).get("custom_fields") or []
        self._fields = {field["name"]: str(field["id"]) for field in there}
        for trait, kind in audience.attributes.items():
            name = f"rapport_{trait}"
            if name not in self._fields:
                body = {"name": name, "field_type": _TYPES.get(kind, "Text")}
                self._fields[name] = str(self._client.json("POST", FIELDS, json=body)["id"])

    def upsert(self, batch: Batch) -> Sequence[Result] | Job:
        """Start an import into the list."""
        people, errors = first_of_each_address(batch.people)
        if not people:
            return results(batch, errors)
        contacts = [self._contact(email, person) for email, person in people.items()]
        body = {"list_ids": [self._list(batch.audience)], "contacts": contacts}
        answer = self.ask_for_all(
            "PUT",
            CONTACTS,
            json=body,
            why=lambda told: code((told.get("errors") or [{}])[0].get("error_id")),
        )
        return Job(str(answer.json()["job_id"]))

    def poll(self, job: Job, batch: Batch) -> Sequence[Result] | None:
        """Who is on the list once the job has ended."""
        status = self._client.json("GET", f"{CONTACTS}/imports/{job.id}")["status"]
        if status == "pending":
            return None
        people, errors = first_of_each_address(batch.people)
        found = self._search(list(people))
        list_id = self._list(batch.audience)
        for email, person in people.items():
            if list_id not in found.get(email, {}).get("list_ids", []):
                errors[person.customer_id] = f"the job ended as {code(status)} without this contact"
        return [
            Result(
                p.customer_id,
                found.get(address_key(p.email or ""), {}).get("id"),
                errors.get(p.customer_id),
            )
            for p in batch.people
        ]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take people off the list; who is not a contact any more counts as taken off."""
        lost = [address_key(p.email) for p in batch.people if not p.remote_id and p.email]
        found = self._search(lost)
        ids = {p.remote_id for p in batch.people if p.remote_id}
        ids |= {str(contact["id"]) for contact in found.values()}
        list_id = self._list(batch.audience)
        for some in _parts(sorted(ids)) if list_id else ():
            params = {"contact_ids": ",".join(some)}
            self._client.request("DELETE", f"{LISTS}/{list_id}/contacts", params=params, ok=(404,))
        return [Result(person.customer_id, person.remote_id) for person in batch.people]

    def contacts(self) -> Iterator[Contact]:
        """Who unsubscribed, bounced or complained; with option `group` also from that group."""
        return said_no(self._client, self.options.group)

    def erase(self, person: Person) -> str:
        """Erase what SendGrid keeps of the address: contact, and activity in mail."""
        if not person.email:
            return "not there"
        body = {"email_addresses": [address_key(person.email)]}
        self._client.request("POST", "/v3/recipients/erasejob", json=body)
        for contact in self._search([address_key(person.email)]).values():
            self._client.request("DELETE", CONTACTS, params={"ids": contact["id"]})
        return "deletion asked for"

    def _contact(self, email: str, person: Person) -> dict[str, Any]:
        first, _, last = (person.full_name or "").partition(" ")
        known = {"first_name": first[:50], "last_name": last[:50]}
        fields = {
            self._fields[f"rapport_{name}"]: _value(value)
            for name, value in sorted(person.traits.items())
            if value is not None
        }
        row: dict[str, Any] = {"email": email, "external_id": person.customer_id}
        return (
            row | {name: text for name, text in known.items() if text} | {"custom_fields": fields}
        )

    def _search(self, emails: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The contacts of addresses; 404 says that none of them is one."""
        found: dict[str, dict[str, Any]] = {}
        for some in _parts(emails):
            path = f"{CONTACTS}/search/emails"
            answer = self._client.request("POST", path, json={"emails": list(some)}, ok=(404,))
            for email, told in (body_of(answer).get("result") or {}).items():
                if "contact" in told:
                    found[address_key(email)] = told["contact"]
        return found

    def _list(self, audience: Audience) -> str | None:
        if list_name(audience) not in self._lists:
            tokens, params = PageTokens("sendgrid lists"), {"page_size": "1000"}
            while True:
                page = self._client.json("GET", LISTS, params=params)
                self._lists |= {entry["name"]: str(entry["id"]) for entry in page["result"]}
                following = (page.get("_metadata") or {}).get("next") or ""
                token = following.partition("page_token=")[2].partition("&")[0]
                if not token:
                    break
                params["page_token"] = tokens.check(token)
        return self._lists.get(list_name(audience))


def said_no(client: Client, group: int | None) -> Iterator[Contact]:
    """Who unsubscribed, bounced or complained, and who left the unsubscribe group."""
    for path, kind in OUT:
        offset = 0
        while True:
            rows = client.json("GET", path, params={"limit": 500, "offset": offset})
            yield from (Contact(row["email"], None, row["email"], (kind,)) for row in rows)
            if len(rows) < 500:
                break
            offset += 500
    if group:
        for email in client.json("GET", f"/v3/asm/groups/{group}/suppressions"):
            yield Contact(email, None, email, ("unsubscribed",))


def list_name(audience: Audience) -> str:
    """The list of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), ONE_SEARCH):
        yield items[start : start + ONE_SEARCH]


def _value(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
