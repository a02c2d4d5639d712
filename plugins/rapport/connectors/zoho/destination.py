"""Zoho CRM: a segment is a tag of contacts; traits are fields where they are declared.

A write returns 200 even if rows are refused, so each row is read. No contact is deleted and no
opt-out is written. A person who leaves the segment loses the tag.

Upsert: https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html
Tags: https://www.zoho.com/crm/developer/docs/api/v8/add-tags.html
Assumed: rows are answered in their order; an unknown tag is made; a query by COQL sees what was
written before it; the address counts without its capitals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rapport.connectors.zoho import VENDOR
from rapport.connectors.zoho.client import DATA, open_crm, parts, refuse_unknown_fields
from rapport.connectors.zoho.client import Crm as Account
from rapport.errors import ConfigError
from rapport.vendors.answers import body_of, code, md5
from rapport.vendors.connections import Connection
from rapport.vendors.crm import Crm, CrmOptions
from rapport.vendors.destination import Audience, BatchRefused, Contact, Kind, Person

CONTACTS = f"{DATA}/Contacts"
ASKED_AT_ONCE, LONGEST_TAG = 50, 25


class Row(msgspec.Struct):
    """One answer; the message is not read, for it may quote a person."""

    status: str
    code: str = ""
    details: dict[str, Any] = {}

    @property
    def is_done(self) -> bool:
        return self.status == "success"


class Options(CrmOptions):
    """The fields that are written."""

    own_field = "single line of 64, no duplicates, such as Rapport_Customer_Id"


class Zoho(Crm):
    """Tags of contacts. A contact that exists keeps its name and other tags; opt-outs are pulled.

    Option `customer_id` names the field of Contacts that holds our id (no duplicates), option
    `fields: {<trait>: <field>}` those that hold traits.
    """

    vendor = VENDOR
    options_model = Options
    needed = ("login", "password", "extra.refresh_token")
    missing = "client id (login), client secret (password) or extra.refresh_token is missing."
    _client: Account
    gone = frozenset({"INVALID_DATA"})
    batch_size = 100

    def open(self, connection: Connection) -> Account:
        """The account, as the source calls it too."""
        return open_crm(connection, sleep=self.sleep)

    def prepare(self, audience: Audience) -> None:
        """Refuse fields that the app's user does not see."""
        named = (self.own, *self.fields.values())
        refuse_unknown_fields(self._client, "Contacts", named, _complaint)

    def write(self, records: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
        """Write fields of contacts."""
        rows = [{"id": id, **fields} for id, fields in records.values()]
        return _refused(records, self._rows("PUT", CONTACTS, len(rows), json={"data": rows}))

    def make(self, people: Sequence[Person]) -> tuple[dict[str, str], dict[str, str]]:
        """Create contacts, by our id."""
        rows = [{**_card(p), **self.said(p)} for p in people]
        body = {"data": rows, "duplicate_check_fields": [self.own]}
        told = self._rows("POST", f"{CONTACTS}/upsert", len(rows), json=body)
        made = {
            p.customer_id: str(row.details["id"])
            for p, row in zip(people, told, strict=True)
            if row.is_done
        }
        return made, _refused([p.customer_id for p in people], told)

    def join(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Add the tag to contacts, which keep their other tags."""
        body = {**_tags(audience, ids.values()), "over_write": False}
        return _refused(
            ids, self._rows("POST", f"{CONTACTS}/actions/add_tags", len(ids), json=body)
        )

    def leave(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Take the tag off contacts."""
        path, body = f"{CONTACTS}/actions/remove_tags", _tags(audience, ids.values())
        return _refused(ids, self._rows("POST", path, len(ids), json=body))

    def contacts(self) -> Iterator[Contact]:
        """Every contact, and leads who opted out."""
        for row in self._walk("Contacts", ["Email_Opt_Out"]):
            yield self._contact(row)
        fields = ["id", "Email", "Email_Opt_Out", "Converted__s", "Modified_Time"]
        for page in self._client.walk("Leads", fields):
            for row in map(msgspec.json.decode, page):
                if row["Email_Opt_Out"] and not row["Converted__s"]:
                    yield Contact(row["id"], None, row["Email"], ("unsubscribed",))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Every contact with the tag."""
        for row in self._walk("Contacts", ["Tag", "Email_Opt_Out"]):
            if any(tag["name"] == tag_name(audience) for tag in row["Tag"] or ()):
                yield self._contact(row)

    def erase(self, person: Person) -> str:
        """Delete the person's contacts."""
        ids = sorted(self.ours(person))
        told = (
            self._rows("DELETE", CONTACTS, len(ids), params={"ids": ",".join(ids)}) if ids else ()
        )
        return (
            "deleted, 60 days in the recycle bin" if any(r.is_done for r in told) else "not there"
        )

    def looked_up(self, own: Sequence[str], emails: Sequence[str]) -> Iterator[Contact]:
        """By queries in a body: an address that calls have is written to logs."""
        for field, values in ((self.own, own), ("Email", emails)):
            for some in parts(values, ASKED_AT_ONCE):
                listed = ",".join(_text(value) for value in some)
                query = f"select id, Email, {self.own} from Contacts where {field} in ({listed})"  # noqa: S608
                body = {"select_query": f"{query} limit 200"}
                answer = self._client.request("POST", f"{DATA}/coql", json=body)
                for row in body_of(answer).get("data", ()):
                    yield Contact(row["id"], row[self.own], row["Email"])

    def _walk(self, module: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = ["id", "Email", self.own, "Modified_Time", *fields]
        for page in self._client.walk(module, names):
            yield from map(msgspec.json.decode, page)

    def _contact(self, row: Mapping[str, Any]) -> Contact:
        says: tuple[Kind, ...] = ("unsubscribed",) if row["Email_Opt_Out"] else ()
        return Contact(row["id"], row[self.own], row["Email"], says)

    def _rows(self, method: str, path: str, count: int, **options: Any) -> list[Row]:
        """One answer a row; raises `BatchRefused` for a batch that is refused as it is."""
        answer = self._client.request(method, path, ok=(400,), **options)
        told = body_of(answer)
        rows = told.get("data") or []
        if len(rows) != count:
            raise BatchRefused(f"{answer.status} {code(told.get('code'), 'no answer')}")
        return msgspec.convert(rows, list[Row])


def tag_name(audience: Audience) -> str:
    """The tag of a segment; Zoho's names have at most 25 characters."""
    key = audience.key
    return key if len(key) <= LONGEST_TAG else f"{key[: LONGEST_TAG - 7]}_{md5(key)[:6]}"


def _tags(audience: Audience, ids: Iterable[str]) -> dict[str, Any]:
    return {"tags": [{"name": tag_name(audience)}], "ids": list(ids)}


def _refused(keys: Iterable[str], told: Sequence[Row]) -> dict[str, str]:
    rows = zip(keys, told, strict=True)
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
