"""Salesforce: a segment is a campaign, whoever is in it is a member; traits are fields if declared.

Contacts are found by our id, which a field of yours holds (option `customer_id`), else by address;
a contact that is there keeps its name and address, and one that is not is made. 200 rows go in one
call that is no transaction: the answers come in the order of the rows, one each. Nobody is deleted
and no opt-out is written: who leaves the segment leaves the campaign.

Collections: https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
Assumed: a member who is there already is refused with DUPLICATE_VALUE; EmailBouncedDate is empty
where no address bounced.
"""

# ruff: noqa: S608 - SOQL, in which every value is quoted

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from rapport.destinations._answers import address_key, body_of, code, first_of_each_address
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
from rapport.errors import ConfigError, RetryLater
from rapport.sources._salesforce import DATA, Described, long_id, open_org

ROWS = f"{DATA}/composite/sobjects"
GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
ASKED_AT_ONCE, QUERIES_AT_ONCE = 100, 5
NO_ANSWER: Mapping[str, Any] = {"success": False, "errors": [{"statusCode": "no answer"}]}


class Salesforce(Destination):
    """Campaigns of contacts."""

    name = "salesforce"
    documentation = "https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest.html"
    connection_fields: ClassVar[Mapping[str, str]] = {
        "host": "https://<my domain>.my.salesforce.com",
        "login": "the consumer key of a connected app with the client credentials flow",
        "password": "its consumer secret; the app's user may write contacts and campaigns",
    }
    batch_size = 200
    lists_everybody = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.connection is None or not (self.connection.login and self.connection.password):
            raise ConfigError('connection "salesforce": consumer key or secret is missing.')
        self._own = str(self.options.get("customer_id", ""))
        if not self._own:
            raise ConfigError(
                "destinations.salesforce.customer_id: name the field of Contact that holds our id: "
                "text of 64, unique, external ID, such as Rapport_Customer_Id__c."
            )
        self._fields: dict[str, str] = dict(self.options.get("fields") or {})
        share = float(self.options.get("limit_share", 0.8))
        self._org = open_org(self.connection, share, sleep=self.sleep)
        self._campaigns: dict[str, str] = {}

    def prepare(self, audience: Audience) -> None:
        """Make the campaign if it is not there; refuse fields that the app's user does not see."""
        described = self._org.json("GET", f"{DATA}/sobjects/Contact/describe", type=Described)
        there = {field.name for field in described.fields}
        if missing := [name for name in (self._own, *self._fields.values()) if name not in there]:
            raise ConfigError(
                f"destinations.salesforce: the login sees no field {', '.join(missing)} of Contact."
            )
        if self._campaign(audience) is None:
            made = {"Name": campaign_name(audience), "IsActive": True}
            answer = self._org.json("POST", f"{DATA}/sobjects/Campaign", json=made)
            self._campaigns[audience.key] = str(answer["id"])

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Update the contacts that are there, make the others, and put all into the campaign."""
        people, errors = first_of_each_address(batch.people)
        ids: dict[str, str] = {}
        known = {p.customer_id: p for p in people.values()}
        lost = self._update(
            {key: long_id(p.remote_id) for key, p in known.items() if p.remote_id},
            known,
            ids,
            errors,
        )
        unknown = [p for p in people.values() if not p.remote_id or p.customer_id in lost]
        found, taken = self._find(unknown)
        errors |= dict.fromkeys(taken, "the address is that of another customer's contact")
        self._update(found, known, ids, errors)
        self._make([p for p in unknown if p.customer_id not in {*found, *taken}], ids, errors)
        self._join(batch.audience, ids, errors)
        return [
            Result(p.customer_id, ids.get(p.customer_id), errors.get(p.customer_id))
            for p in batch.people
        ]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Take people out of the campaign, and clear what no other list sends."""
        ids = {p.customer_id: long_id(p.remote_id) for p in batch.people if p.remote_id}
        found, _ = self._find([p for p in batch.people if not p.remote_id], by_address=False)
        ids |= found
        members = self._members(batch.audience, ids.values()) if ids else {}
        errors: dict[str, str] = {}
        leaving = [(key, members[id]) for key, id in ids.items() if id in members]
        if leaving:
            query = {"ids": ",".join(member for _, member in leaving), "allOrNone": "false"}
            told = self._rows("DELETE", ROWS, len(leaving), params=query)
            for (key, _), row in zip(leaving, told, strict=True):
                if not row["success"] and _reason(row) not in GONE:
                    errors[key] = _reason(row)
        people = {p.customer_id: p for p in batch.people if p.customer_id in ids}
        cleared = {
            key: {self._fields[name]: None for name in p.traits if name in self._fields}
            for key, p in people.items()
        }
        if records := [
            self._record("Contact", {"Id": ids[key], **fields})
            for key, fields in cleared.items()
            if fields
        ]:
            self._rows("PATCH", ROWS, len(records), json=_body(records))
        return [
            Result(p.customer_id, ids.get(p.customer_id), errors.get(p.customer_id))
            for p in batch.people
        ]

    def contacts(self) -> Iterator[Contact]:
        """Every contact, also under ids that were merged into it, and leads who opted out."""
        merged: dict[str, list[str]] = {}
        soql = "SELECT Id, MasterRecordId FROM Contact WHERE MasterRecordId != null"
        for row in self._query(soql, "queryAll"):
            merged.setdefault(row["MasterRecordId"], []).append(row["Id"])
        soql = f"SELECT Id, Email, HasOptedOutOfEmail, EmailBouncedDate, {self._own} FROM Contact"
        for row in self._query(soql):
            says: list[Kind] = ["unsubscribed"] if row["HasOptedOutOfEmail"] else []
            says += ["bounced"] if row["EmailBouncedDate"] else []
            for id in (row["Id"], *merged.get(row["Id"], ())):
                yield Contact(id, row[self._own], row["Email"], tuple(says))
        soql = "SELECT Id, Email FROM Lead WHERE HasOptedOutOfEmail = true AND IsConverted = false"
        for row in self._query(soql):
            yield Contact(row["Id"], None, row["Email"], ("unsubscribed",))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Every contact in the campaign."""
        if (campaign := self._campaign(audience)) is None:
            return
        fields = f"ContactId, Contact.Email, Contact.{self._own}"
        soql = f"SELECT {fields} FROM CampaignMember WHERE CampaignId = {_text(campaign)}"
        for row in self._query(f"{soql} AND ContactId != null"):
            contact = row["Contact"]
            yield Contact(row["ContactId"], contact[self._own], contact["Email"])

    def erase(self, person: Person) -> str:
        """Delete by our ids: an address may be another customer's too."""
        ids = {long_id(person.remote_id)} if person.remote_id else set()
        ids |= set(self._find([person], by_address=False)[0].values())
        gone = [
            self._org.request("DELETE", f"{DATA}/sobjects/Contact/{id}", ok=(404,)).status != 404
            for id in sorted(ids)
        ]
        return "deleted, 15 days in the recycle bin" if any(gone) else "not there"

    def close(self) -> None:
        """Close the connections."""
        self._org.__exit__(None, None, None)

    def _update(
        self,
        wanted: Mapping[str, str],
        people: Mapping[str, Person],
        ids: dict[str, str],
        errors: dict[str, str],
    ) -> set[str]:
        """Write our id and the traits on contacts; who turns out to be gone."""
        records = [
            self._record("Contact", {"Id": id, **self._said(people[key])})
            for key, id in wanted.items()
        ]
        lost = set()
        told = self._rows("PATCH", ROWS, len(records), json=_body(records)) if records else []
        for (key, id), row in zip(wanted.items(), told, strict=True):
            if row["success"]:
                ids[key] = id
            elif _reason(row) in GONE:
                lost.add(key)
            else:
                errors[key] = _reason(row)
        return lost

    def _make(self, people: Sequence[Person], ids: dict[str, str], errors: dict[str, str]) -> None:
        """New contacts, by our id, so that the same batch twice makes one."""
        named = [p for p in people if (p.full_name or "").strip()]
        errors |= {p.customer_id: "no name" for p in people if p not in named}
        records = [self._record("Contact", {**_card(p), **self._said(p)}) for p in named]
        path = f"{ROWS}/Contact/{quote(self._own)}"
        told = self._rows("PATCH", path, len(records), json=_body(records)) if records else []
        for person, row in zip(named, told, strict=True):
            if row["success"]:
                ids[person.customer_id] = long_id(str(row["id"]))
            else:
                errors[person.customer_id] = _reason(row)

    def _join(self, audience: Audience, ids: Mapping[str, str], errors: dict[str, str]) -> None:
        there = self._members(audience, ids.values()) if ids else {}
        new = [(key, id) for key, id in ids.items() if id not in there]
        campaign = self._campaign(audience)
        records = [
            self._record("CampaignMember", {"CampaignId": campaign, "ContactId": id})
            for _, id in new
        ]
        told = self._rows("POST", ROWS, len(records), json=_body(records)) if records else []
        for (key, _), row in zip(new, told, strict=True):
            if not row["success"] and _reason(row) != "DUPLICATE_VALUE":
                errors[key] = _reason(row)

    def _members(self, audience: Audience, contacts: Iterable[str]) -> dict[str, str]:
        """The member's id by the contact's, of those who are in the campaign."""
        campaign = self._campaign(audience)
        if campaign is None:
            return {}
        where = f"CampaignId = {_text(campaign)} AND ContactId IN ({_texts(contacts)})"
        soql = f"SELECT Id, ContactId FROM CampaignMember WHERE {where}"
        return {row["ContactId"]: row["Id"] for row in self._query(soql)}

    def _find(
        self, people: Sequence[Person], by_address: bool = True
    ) -> tuple[dict[str, str], set[str]]:
        """The contacts of people: by our present or former id, else by address; and whose address
        is that of another customer's contact."""
        found: dict[str, str] = {}
        taken: set[str] = set()
        own = {id: p.customer_id for p in people for id in (*p.aliases, p.customer_id)}
        emails = {address_key(p.email): p.customer_id for p in people if p.email and by_address}
        rows = self._looked_up(own, emails)
        for row in rows:
            if row[self._own] in own:
                found.setdefault(own[row[self._own]], row["Id"])
        for row in rows:
            key = emails.get(address_key(row["Email"] or ""))
            if key is not None and not row[self._own]:
                found.setdefault(key, row["Id"])
            elif key is not None and row[self._own] not in own:
                taken.add(key)
        return found, taken - found.keys()

    def _looked_up(self, own: Iterable[str], emails: Iterable[str]) -> list[dict[str, Any]]:
        """The contacts of these ids and addresses, by queries in a body: an address that calls
        have is written to logs."""
        select = f"SELECT Id, Email, {self._own} FROM Contact WHERE"
        wanted = [(self._own, id) for id in own] + [("Email", email) for email in emails]
        queries = []
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            some = wanted[start : start + ASKED_AT_ONCE]
            lists = {field: [v for name, v in some if name == field] for field, _ in some}
            where = " OR ".join(f"{field} IN ({_texts(values)})" for field, values in lists.items())
            queries.append(f"{select} {where} ORDER BY CreatedDate")
        rows: list[dict[str, Any]] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            asked = [
                {"method": "GET", "url": f"{DATA}/query?q={quote(soql)}", "referenceId": f"q{n}"}
                for n, soql in enumerate(queries[start : start + QUERIES_AT_ONCE])
            ]
            body = {"compositeRequest": asked}
            told = self._org.json("POST", f"{DATA}/composite", json=body)["compositeResponse"]
            for one in told:
                if one["httpStatusCode"] != 200 or not one["body"]["done"]:
                    raise RetryLater("salesforce: a query in a composite call was not answered.")
                rows += one["body"]["records"]
        return list({row["Id"]: row for row in rows}.values())

    def _said(self, person: Person) -> dict[str, Any]:
        traits = {self._fields[n]: v for n, v in person.traits.items() if n in self._fields}
        return {self._own: person.customer_id, **dict(sorted(traits.items()))}

    def _campaign(self, audience: Audience) -> str | None:
        if audience.key not in self._campaigns:
            name = _text(campaign_name(audience))
            soql = f"SELECT Id FROM Campaign WHERE Name = {name} ORDER BY CreatedDate"
            for row in self._query(soql):
                self._campaigns.setdefault(audience.key, row["Id"])
        return self._campaigns.get(audience.key)

    def _query(self, soql: str, resource: str = "query") -> Iterator[dict[str, Any]]:
        for page in self._org.query(soql, resource):
            for record in page.records:
                yield msgspec.json.decode(record)

    def _rows(self, method: str, path: str, count: int, **options: Any) -> list[Mapping[str, Any]]:
        """One answer a row; raises `BatchRefused` for a batch that is refused as it is."""
        answer = self._org.request(method, path, ok=(400,), **options)
        told = answer.json()
        if answer.status == 400:
            first = told[0] if isinstance(told, list) and told else body_of(answer)
            raise BatchRefused(f"400 {code(first.get('errorCode'))}")
        return [*told[:count], *[NO_ANSWER] * (count - len(told))]

    @staticmethod
    def _record(object: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"attributes": {"type": object}, **fields}


def campaign_name(audience: Audience) -> str:
    """The campaign of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _card(person: Person) -> dict[str, str]:
    first, _, last = (person.full_name or "").strip().rpartition(" ")
    values = {"FirstName": first, "LastName": last, "Email": person.email, "Phone": person.phone}
    return {name: value for name, value in values.items() if value}


def _body(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"allOrNone": False, "records": list(records)}


def _reason(row: Mapping[str, Any]) -> str:
    """The code of the row's first error; its message may quote the person."""
    errors = row.get("errors") or [{}]
    return code(errors[0].get("statusCode"), "no answer")


def _text(value: str) -> str:
    r"""A value as SOQL writes it.

    >>> print(_text("o'neil"))
    'o\'neil'
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _texts(values: Iterable[str]) -> str:
    return ",".join(map(_text, values))
