"""Salesforce: a segment is a campaign with members; traits are fields if declared.

One call sends 200 rows and is no transaction: it returns one answer per row, in their order.
No contact is deleted and no opt-out is written. People who leave the segment leave the campaign.

Collections: https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html
Assumed: a member who is there already is refused with DUPLICATE_VALUE; EmailBouncedDate is empty
where no address bounced.
"""

# ruff: noqa: S608 - SOQL, in which every value is quoted

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import Field

from rapport.connectors.salesforce import VENDOR
from rapport.connectors.salesforce.client import DATA, Described, Org, long_id, open_org
from rapport.errors import ConfigError, RetryLater
from rapport.vendors.answers import body_of, code
from rapport.vendors.connections import Connection
from rapport.vendors.crm import Crm, CrmOptions
from rapport.vendors.destination import Audience, BatchRefused, Contact, Kind, Person

ROWS = f"{DATA}/composite/sobjects"
ASKED_AT_ONCE, QUERIES_AT_ONCE = 100, 5
NO_ANSWER: Mapping[str, Any] = {"success": False, "errors": [{"statusCode": "no answer"}]}


class Options(CrmOptions):
    """`limit_share` is how much of the organisation's calls a day may be used up."""

    own_field = "text of 64, unique, external ID, such as Rapport_Customer_Id__c"

    limit_share: float = Field(default=0.8, gt=0, le=1)


class Salesforce(Crm):
    """Campaigns of contacts. A contact that exists keeps its name and address; opt-outs are pulled.

    Option `customer_id` names the field of Contact that holds our id (text, unique, external ID),
    option `fields: {<trait>: <field>}` those that hold traits.
    """

    vendor = VENDOR
    options: Options
    options_model = Options
    needed = ("login", "password")
    missing = "consumer key or secret is missing."
    _client: Org
    gone = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})
    batch_size = 200

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._campaigns: dict[str, str] = {}

    def open(self, connection: Connection) -> Org:
        """The organisation, as the source calls it too."""
        return open_org(connection, self.options.limit_share, sleep=self.sleep)

    def prepare(self, audience: Audience) -> None:
        """Make the campaign if it is not there; refuse fields that the app's user does not see."""
        described = self._client.json("GET", f"{DATA}/sobjects/Contact/describe", type=Described)
        there = {field.name for field in described.fields}
        if missing := [name for name in (self.own, *self.fields.values()) if name not in there]:
            raise ConfigError(
                f"destinations.salesforce: the login sees no field {', '.join(missing)} of Contact."
            )
        if self._campaign(audience) is None:
            made = {"Name": campaign_name(audience), "IsActive": True}
            answer = self._client.json("POST", f"{DATA}/sobjects/Campaign", json=made)
            self._campaigns[audience.key] = str(answer["id"])

    def remote_id(self, person: Person) -> str | None:
        """The contact's id in its long form: only that is the same in every answer."""
        return long_id(person.remote_id) if person.remote_id else None

    def write(self, records: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
        """Write fields of contacts."""
        rows = [_record("Contact", {"Id": id, **fields}) for id, fields in records.values()]
        return _refused(records, self._rows("PATCH", ROWS, len(rows), json=_body(rows)))

    def make(self, people: Sequence[Person]) -> tuple[dict[str, str], dict[str, str]]:
        """Create contacts, by our id."""
        rows = [_record("Contact", {**_card(p), **self.said(p)}) for p in people]
        path = f"{ROWS}/Contact/{quote(self.own)}"
        told = self._rows("PATCH", path, len(rows), json=_body(rows))
        refused = _refused([p.customer_id for p in people], told)
        made = {
            p.customer_id: long_id(str(row["id"]))
            for p, row in zip(people, told, strict=True)
            if row["success"]
        }
        return made, refused

    def join(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Add contacts to the campaign, except those who are already in it."""
        there = self._members(audience, ids.values())
        new = {key: id for key, id in ids.items() if id not in there}
        if not new:
            return {}
        campaign = self._campaign(audience)
        rows = [
            _record("CampaignMember", {"CampaignId": campaign, "ContactId": id})
            for id in new.values()
        ]
        refused = _refused(new, self._rows("POST", ROWS, len(rows), json=_body(rows)))
        return {key: why for key, why in refused.items() if why != "DUPLICATE_VALUE"}

    def leave(self, audience: Audience, ids: Mapping[str, str]) -> dict[str, str]:
        """Take contacts out of the campaign."""
        members = self._members(audience, ids.values())
        leaving = {key: members[id] for key, id in ids.items() if id in members}
        if not leaving:
            return {}
        query = {"ids": ",".join(leaving.values()), "allOrNone": "false"}
        return _refused(leaving, self._rows("DELETE", ROWS, len(leaving), params=query))

    def contacts(self) -> Iterator[Contact]:
        """Every contact, also under ids that were merged into it, and leads who opted out."""
        merged: dict[str, list[str]] = {}
        soql = "SELECT Id, MasterRecordId FROM Contact WHERE MasterRecordId != null"
        for row in self._query(soql, "queryAll"):
            merged.setdefault(row["MasterRecordId"], []).append(row["Id"])
        soql = f"SELECT Id, Email, HasOptedOutOfEmail, EmailBouncedDate, {self.own} FROM Contact"
        for row in self._query(soql):
            says: list[Kind] = ["unsubscribed"] if row["HasOptedOutOfEmail"] else []
            says += ["bounced"] if row["EmailBouncedDate"] else []
            for id in (row["Id"], *merged.get(row["Id"], ())):
                yield Contact(id, row[self.own], row["Email"], tuple(says))
        soql = "SELECT Id, Email FROM Lead WHERE HasOptedOutOfEmail = true AND IsConverted = false"
        for row in self._query(soql):
            yield Contact(row["Id"], None, row["Email"], ("unsubscribed",))

    def members(self, audience: Audience) -> Iterator[Contact]:
        """Every contact in the campaign."""
        if (campaign := self._campaign(audience)) is None:
            return
        fields = f"ContactId, Contact.Email, Contact.{self.own}"
        soql = f"SELECT {fields} FROM CampaignMember WHERE CampaignId = {_text(campaign)}"
        for row in self._query(f"{soql} AND ContactId != null"):
            contact = row["Contact"]
            yield Contact(row["ContactId"], contact[self.own], contact["Email"])

    def erase(self, person: Person) -> str:
        """Delete the person's contacts."""
        gone = [
            self._client.request("DELETE", f"{DATA}/sobjects/Contact/{id}", ok=(404,)).status != 404
            for id in sorted(self.ours(person))
        ]
        return "deleted, 15 days in the recycle bin" if any(gone) else "not there"

    def looked_up(self, own: Sequence[str], emails: Sequence[str]) -> Iterable[Contact]:
        """By queries in a body: an address that calls have is written to logs."""
        select = f"SELECT Id, Email, {self.own} FROM Contact WHERE"
        wanted = [(self.own, id) for id in own] + [("Email", email) for email in emails]
        queries = []
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            some = wanted[start : start + ASKED_AT_ONCE]
            lists = {field: [v for name, v in some if name == field] for field, _ in some}
            where = " OR ".join(f"{field} IN ({_texts(values)})" for field, values in lists.items())
            queries.append(f"{select} {where} ORDER BY CreatedDate")
        found: dict[str, Contact] = {}
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            asked = [
                {"method": "GET", "url": f"{DATA}/query?q={quote(soql)}", "referenceId": f"q{n}"}
                for n, soql in enumerate(queries[start : start + QUERIES_AT_ONCE])
            ]
            body = {"compositeRequest": asked}
            told = self._client.json("POST", f"{DATA}/composite", json=body)["compositeResponse"]
            for one in told:
                if one["httpStatusCode"] != 200 or not one["body"]["done"]:
                    raise RetryLater("salesforce: a query in a composite call was not answered.")
                for row in one["body"]["records"]:
                    found[row["Id"]] = Contact(row["Id"], row[self.own], row["Email"])
        return found.values()

    def _members(self, audience: Audience, contacts: Iterable[str]) -> dict[str, str]:
        """The member's id by the contact's, of those who are in the campaign."""
        campaign = self._campaign(audience)
        if campaign is None:
            return {}
        where = f"CampaignId = {_text(campaign)} AND ContactId IN ({_texts(contacts)})"
        soql = f"SELECT Id, ContactId FROM CampaignMember WHERE {where}"
        return {row["ContactId"]: row["Id"] for row in self._query(soql)}

    def _campaign(self, audience: Audience) -> str | None:
        if audience.key not in self._campaigns:
            name = _text(campaign_name(audience))
            soql = f"SELECT Id FROM Campaign WHERE Name = {name} ORDER BY CreatedDate"
            for row in self._query(soql):
                self._campaigns.setdefault(audience.key, row["Id"])
        return self._campaigns.get(audience.key)

    def _query(self, soql: str, resource: str = "query") -> Iterator[dict[str, Any]]:
        for page in self._client.query(soql, resource):
            for record in page.records:
                yield msgspec.json.decode(record)

    def _rows(self, method: str, path: str, count: int, **options: Any) -> list[Mapping[str, Any]]:
        """One answer a row; raises `BatchRefused` for a batch that is refused as it is."""
        answer = self._client.request(method, path, ok=(400,), **options)
        told = answer.json()
        if answer.status == 400:
            first = told[0] if isinstance(told, list) and told else body_of(answer)
            raise BatchRefused(f"400 {code(first.get('errorCode'))}")
        return [*told[:count], *[NO_ANSWER] * (count - len(told))]


def campaign_name(audience: Audience) -> str:
    """The campaign of a segment: made of its key, which never changes."""
    return f"rapport_{audience.key}"


def _card(person: Person) -> dict[str, str]:
    first, _, last = (person.full_name or "").strip().rpartition(" ")
    values = {"FirstName": first, "LastName": last, "Email": person.email, "Phone": person.phone}
    return {name: value for name, value in values.items() if value}


def _record(object: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"attributes": {"type": object}, **fields}


def _body(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"allOrNone": False, "records": list(records)}


def _refused(keys: Iterable[str], told: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The code of each refused row's first error; its message may quote the person."""
    return {
        key: code((row.get("errors") or [{}])[0].get("statusCode"), "no answer")
        for key, row in zip(keys, told, strict=True)
        if not row["success"]
    }


def _text(value: str) -> str:
    r"""A value as SOQL writes it.

    >>> print(_text("o'neil"))
    'o\'neil'
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _texts(values: Iterable[str]) -> str:
    return ",".join(map(_text, values))
