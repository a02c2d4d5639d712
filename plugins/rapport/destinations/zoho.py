"""Zoho CRM: a segment is a tag of contacts; traits are fields where they are declared.

Contacts are found by our id, which a field of yours holds (option `customer_id`), else by address:
a contact that is there keeps its name and its other tags, and one that is not is made. A write
answers 200 whatever its rows say, so each row is read. Nobody is deleted and no opt-out is written:
who leaves the segment loses the tag.

Upsert: https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html
Tags: https://www.zoho.com/crm/developer/docs/api/v8/add-tags.html
Assumed: rows are answered in their order; an unknown tag is made; a query by COQL sees what was
written before it; the address counts without its capitals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from rapport.destinations._answers import address_key, body_of, code, first_of_each_address, md5
from rapport.destinations.base import (
    Audience,
    Batch,
    BatchRefused,
    Contact,
    Destination,
    Kind,
    Person,
    Result,
)
from rapport.errors import ConfigError
from rapport.sources._zoho import DATA, open_crm, parts, refuse_unknown_fields

CONTACTS = f"{DATA}/Contacts"
ASKED_AT_ONCE, LONGEST_TAG = 50, 25
GONE = "INVALID_DATA"


class Row(msgspec.Struct):
    """One answer; the message is not read, for it may quote a person."""

    status: str
    code: str = ""
    details: dict[str, Any] = {}

    @property
    def is_done(self) -> bool:
        return self.status == "success"


class Zoho(Destination):
    """Tags of contacts."""

    name = "zoho"
    documentation = "https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html"
    connection_fields: ClassVar[Mapping[str, str]] = {
        "host": "https://www.zohoapis.<your data centre> (optional: com)",
        "login": "client id of a self client or server-based application",
        "password": "its client secret",
        "extra.refresh_token": "of a user who may write contacts, and read fields and COQL",
    }
    batch_size = 100
    lists_everybody = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._own = str(self.options.get("customer_id", ""))
        self._crm = open_crm(self.connection, sleep=self.sleep)
        if not self._own:
            raise ConfigError(
                "destinations.zoho.customer_id: name the field of Contacts that holds our id: "
                "single line of 64, no duplicates, such as Rapport_Customer_Id."
            )
        self._fields: dict[str, str] = dict(self.options.get("fields") or {})

    def prepare(self, audience: Audience) -> None:
        """Refuse fields that the app's user does not see."""
        named = (self._own, *self._fields.values())
        refuse_unknown_fields(self._crm, "Contacts", named, _complaint)

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Update the contacts that are there, make the others, and tag all."""
        people, errors = first_of_each_address(batch.people)
        ids: dict[str, str] = {}
        known = {p.customer_id: p for p in people.values()}
        remembered = {key: p.remote_id for key, p in known.items() if p.remote_id}
        lost = self._update(remembered, known, ids, errors)
        unknown = [p for p in people.values() if not p.remote_id or p.customer_id in lost]
        found, taken = self._find(unknown)
        errors |= dict.fromkeys(taken, "the address is that of another customer's contact")
        for key in self._update(found, known, ids, errors):
            errors[key] = GONE
        self._make([p for p in unknown if p.customer_id not in {*found, *taken}], ids, errors)
        if ids:
            body = {**_tags(batch.audience, ids.values()), "over_write": False}
            told = self._rows("POST", f"{CONTACTS}/actions/add_tags", len(ids), json=body)
            errors |= _refused(ids, told)
        return self._results(batch, ids, errors)

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take the tag off people, and clear what no other list sends."""
        ids = {p.customer_id: p.remote_id for p in batch.people if p.remote_id}
        found, _ = self._find([p for p in batch.people if not p.remote_id], by_address=False)
        ids |= found
        errors: dict[str, str] = {}
        if ids:
            body = _tags(batch.audience, ids.values())
            told = self._rows("POST", f"{CONTACTS}/actions/remove_tags", len(ids), json=body)
            errors = {key: why for key, why in _refused(ids, told).items() if why != GONE}
        cleared = [
            {"id": ids[p.customer_id], **fields}
            for p in batch.people
            if p.customer_id in ids
            and (fields := {self._fields[n]: None for n in p.traits if n in self._fields})
        ]
        if cleared:
            self._rows("PUT", CONTACTS, len(cleared), json={"data": cleared})
        return self._results(batch, ids, errors)

    def contacts(self) -> Iterator[Contact]:
        """Every contact, and leads who opted out."""
        for row in self._walk("Contacts", ["Email_Opt_Out"]):
            yield self._contact(row)
        fields = ["id", "Email", "Email_Opt_Out", "Converted__s", "Modified_Time"]
        for page in self._crm.walk("Leads", fields):
            for row in map(msgspec.json.decode, page):
                if row["Email_Opt_Out"] and not row["Converted__s"]:
                    yield Contact(row["id"], None, row["Email"], ("unsubscribed",))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Every contact with the tag."""
        for row in self._walk("Contacts", ["Tag", "Email_Opt_Out"]):
            if any(tag["name"] == tag_name(audience) for tag in row["Tag"] or ()):
                yield self._contact(row)

    def erase(self, person: Person) -> str:
        """Delete by our ids: an address may be another customer's too."""
        ids = {person.remote_id} if person.remote_id else set()
        ids |= set(self._find([person], by_address=False)[0].values())
        if not ids:
            return "not there"
        told = self._rows("DELETE", CONTACTS, len(ids), params={"ids": ",".join(sorted(ids))})
        return (
            "deleted, 60 days in the recycle bin" if any(r.is_done for r in told) else "not there"
        )

    def close(self) -> None:
        """Close the connections."""
        self._crm.__exit__(None, None, None)

    def _update(
        self,
        wanted: Mapping[str, str],
        people: Mapping[str, Person],
        ids: dict[str, str],
        errors: dict[str, str],
    ) -> set[str]:
        """Write our id and the traits on contacts; who turns out to be gone."""
        rows = [{"id": id, **self._said(people[key])} for key, id in wanted.items()]
        told = self._rows("PUT", CONTACTS, len(rows), json={"data": rows}) if rows else []
        refused = _refused(wanted, told)
        ids |= {key: id for key, id in wanted.items() if key not in refused}
        errors |= {key: why for key, why in refused.items() if why != GONE}
        return {key for key, why in refused.items() if why == GONE}

    def _make(self, people: Sequence[Person], ids: dict[str, str], errors: dict[str, str]) -> None:
        """New contacts, by our id, so that the same batch twice makes one."""
        named = [p for p in people if (p.full_name or "").strip()]
        errors |= {p.customer_id: "no name" for p in people if p not in named}
        if not named:
            return
        rows = [{**_card(p), **self._said(p)} for p in named]
        body = {"data": rows, "duplicate_check_fields": [self._own]}
        told = self._rows("POST", f"{CONTACTS}/upsert", len(rows), json=body)
        for person, row in zip(named, told, strict=True):
            if row.is_done:
                ids[person.customer_id] = str(row.details["id"])
            else:
                errors[person.customer_id] = code(row.code)

    def _find(
        self, people: Sequence[Person], by_address: bool = True
    ) -> tuple[dict[str, str], set[str]]:
        """The contacts of people: by our present or former id, else by address; and whose address
        is that of another customer's contact."""
        own = {id: p.customer_id for p in people for id in (*p.aliases, p.customer_id)}
        emails = {address_key(p.email): p.customer_id for p in people if p.email and by_address}
        rows = [*self._asked(self._own, list(own)), *self._asked("Email", list(emails))]
        found: dict[str, str] = {}
        taken: set[str] = set()
        for row in rows:
            if row[self._own] in own:
                found.setdefault(own[row[self._own]], row["id"])
        for row in rows:
            key = emails.get(address_key(row["Email"] or ""))
            if key is not None and not row[self._own]:
                found.setdefault(key, row["id"])
            elif key is not None and row[self._own] not in own:
                taken.add(key)
        return found, taken - found.keys()

    def _asked(self, field: str, values: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Contacts by a query in a body: an address that calls have is written to logs."""
        for some in parts(values, ASKED_AT_ONCE):
            listed = ",".join(_text(value) for value in some)
            query = f"select id, Email, {self._own} from Contacts where {field} in ({listed})"  # noqa: S608
            body = {"select_query": f"{query} limit 200"}
            answer = self._crm.request("POST", f"{DATA}/coql", json=body)
            yield from body_of(answer).get("data", ())

    def _walk(self, module: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = ["id", "Email", self._own, "Modified_Time", *fields]
        for page in self._crm.walk(module, names):
            yield from map(msgspec.json.decode, page)

    def _contact(self, row: Mapping[str, Any]) -> Contact:
        says: tuple[Kind, ...] = ("unsubscribed",) if row["Email_Opt_Out"] else ()
        return Contact(row["id"], row[self._own], row["Email"], says)

    def _said(self, person: Person) -> dict[str, Any]:
        traits = {self._fields[n]: v for n, v in person.traits.items() if n in self._fields}
        return {self._own: person.customer_id, **dict(sorted(traits.items()))}

    def _rows(self, method: str, path: str, count: int, **options: Any) -> list[Row]:
        """One answer a row; raises `BatchRefused` for a batch that is refused as it is."""
        answer = self._crm.request(method, path, ok=(400,), **options)
        told = body_of(answer)
        rows = told.get("data") or []
        if len(rows) != count:
            raise BatchRefused(f"{answer.status} {code(told.get('code'), 'no answer')}")
        return msgspec.convert(rows, list[Row])

    def _results(
        self, batch: Batch, ids: Mapping[str, str], errors: Mapping[str, str]
    ) -> list[Result]:
        return [
            Result(p.customer_id, ids.get(p.customer_id), errors.get(p.customer_id))
            for p in batch.people
        ]


def tag_name(audience: Audience) -> str:
    """The tag of a segment; Zoho's names have at most 25 characters."""
    key = audience.key
    return key if len(key) <= LONGEST_TAG else f"{key[: LONGEST_TAG - 7]}_{md5(key)[:6]}"


def _tags(audience: Audience, ids: Iterable[str]) -> dict[str, Any]:
    return {"tags": [{"name": tag_name(audience)}], "ids": list(ids)}


def _refused(ids: Mapping[str, str], told: Sequence[Row]) -> dict[str, str]:
    rows = zip(ids, told, strict=True)
    return {key: code(row.code) for key, row in rows if not row.is_done}


def _card(person: Person) -> dict[str, Any]:
    first, _, last = (person.full_name or "").strip().partition(" ")
    card = {"First_Name": first, "Last_Name": last} if last else {"Last_Name": first}
    return {**card, "Email": person.email}


def _complaint(missing: str) -> ConfigError:
    return ConfigError(f"destinations.zoho: the login sees no field {missing} of Contacts.")


def _text(value: str) -> str:
    r"""A value as COQL writes it.

    >>> print(_text("o'neil"))
    'o\'neil'
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
