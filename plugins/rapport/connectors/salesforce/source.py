"""Salesforce: contacts, leads, accounts, opportunities and cases, including deleted ones.

https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest.html

Rows come in the order of SystemModstamp, which automated changes update too. They are read with
`queryAll`, which includes the recycle bin; the sweep finds records that were purged from it. A
first load of more than `bulk_from` rows uses a Bulk 2.0 job; a load that is interrupted continues
with the same job. Each object is described first, because a single field that the organisation does
not have, or that field-level security hides, makes Salesforce refuse the whole query. Calls stop
when the share `limit_share` of the organisation's daily calls is used up (`Sforce-Limit-Info`), so
that its other applications can work.

Assumed, where the documentation is silent: a transaction shows within an hour of its stamp (`lag`);
a deletion updates the stamp.

>>> [stream.name for stream in Salesforce().streams()][:3]
['contacts', 'leads', 'accounts']
"""

# ruff: noqa: S608 - the names in a query are the vendor's own or rapport.yml's

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from rapport.connectors.salesforce import VENDOR
from rapport.connectors.salesforce.client import DATA, Described, Org, long_id, open_org
from rapport.errors import GiveUp, RetryLater
from rapport.vendors.connections import Connection
from rapport.vendors.custom_fields import paths_of
from rapport.vendors.http import Answer, Client
from rapport.vendors.options import validated
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Fields, Nothing, Page, Position, Record, Source, Stream

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_SET, LOOKS = 50_000, 240
ALWAYS = "Id IsDeleted CreatedDate SystemModstamp"
OBJECTS = {
    "contacts": (
        "Contact",
        "MasterRecordId AccountId FirstName LastName Email Phone MobilePhone Birthdate"
        " MailingStreet MailingPostalCode MailingCity MailingState MailingCountry"
        " MailingCountryCode Title LeadSource HasOptedOutOfEmail EmailBouncedDate",
    ),
    "leads": (
        "Lead",
        "MasterRecordId FirstName LastName Email Phone MobilePhone Company Website Title Street"
        " PostalCode City State Country CountryCode Status LeadSource HasOptedOutOfEmail"
        " IsConverted ConvertedContactId ConvertedAccountId ConvertedDate",
    ),
    "accounts": (
        "Account",
        "MasterRecordId Name Website Industry NumberOfEmployees BillingCountry BillingCountryCode",
    ),
    "opportunities": (
        "Opportunity",
        "Name AccountId ContactId StageName Amount CurrencyIsoCode CloseDate IsClosed IsWon",
    ),
    "cases": (
        "Case",
        "CaseNumber ContactId Subject Status Priority Origin IsClosed ClosedDate OwnerId",
    ),
    "campaign_members": (
        "CampaignMember",
        "CampaignId ContactId LeadId Status HasResponded FirstRespondedDate",
    ),
}
OPTIONAL = ("campaign_members",)


class Job(msgspec.Struct):
    id: str
    state: str


class Stamped(msgspec.Struct):
    stamp: datetime = msgspec.field(name="SystemModstamp")


class Options(BaseModel):
    """The block `sources.salesforce` of rapport.yml."""

    model_config = ConfigDict(extra="forbid")

    bulk_from: int = Field(default=50_000, ge=0)
    limit_share: float = Field(default=0.8, gt=0, le=1)
    fields: dict[str, list[str]] = {}
    campaign_members: bool = False
    custom_fields: Any = None
    default_region: Any = None


@dataclass(frozen=True, kw_only=True)
class Objects(Stream):
    """One object. The position is {"cursor"}, during a bulk job {"job", "locator", "begun"}."""

    object: str
    wanted: Sequence[str]
    needed: Sequence[str]
    bulk_from: int
    key: tuple[str, ...] = ("Id",)
    counted: str | None = "CreatedDate"
    lag: timedelta = timedelta(hours=1)
    sweep: bool = True

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        assert isinstance(client, Org)
        select = f"SELECT {','.join(self._fields_there(client))} FROM {self.object}"
        since = self.since(position)
        if not isinstance(since, datetime):
            position, since = position or {}, EPOCH
            if "job" in position or self._total(client, "queryAll") > self.bulk_from:
                begun = position.get("begun", as_of.isoformat())
                yield from self._bulk(client, select, position, begun)
                yield Page((), position={"cursor": begun})
                since = datetime.fromisoformat(begun) - self.lag
        where = f"WHERE SystemModstamp >= {_moment(since)} ORDER BY SystemModstamp, Id"
        for found in client.query(f"{select} {where}", "queryAll"):
            yield Page(found.records, position=_reached(found.records, as_of))

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The ids of all records, including the recycle bin."""
        assert isinstance(client, Org)
        for found in client.query(f"SELECT Id FROM {self.object}", "queryAll"):
            yield [self.read_key(record).key for record in found.records]

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The COUNT() by time of creation, without the recycle bin."""
        assert isinstance(client, Org)
        where = f"WHERE CreatedDate >= {_moment(start)} AND CreatedDate < {_moment(end)}"
        return self._total(client, "query", where)

    def read_keys(self, records: Sequence[bytes]) -> tuple[list[str], datetime | int | None]:
        """The keys, each in its form of 18 characters."""
        keys, cursor = super().read_keys(records)
        return [long_id(key) for key in keys], cursor

    def _fields(self, document: Any) -> Fields:
        fields = super()._fields(document)
        return Fields(long_id(fields.key), fields.cursor)

    def _fields_there(self, client: Org) -> list[str]:
        """The wanted fields that the organisation has and the login may see."""
        path = f"{DATA}/sobjects/{self.object}/describe"
        there = {field.name for field in client.json("GET", path, type=Described).fields}
        if missing := [name for name in self.needed if name not in there]:
            raise GiveUp(
                f"{client.name} {self.name}: the login sees no field {', '.join(missing)}. Correct "
                "rapport.yml, or give the app's user the right to read it."
            )
        return [name for name in dict.fromkeys((*self.wanted, *self.needed)) if name in there]

    def _total(self, client: Org, resource: str, where: str = "") -> int:
        soql = f"SELECT COUNT() FROM {self.object} {where}".rstrip()
        return next(client.query(soql, resource)).total

    def _bulk(self, client: Org, select: str, position: Position, begun: str) -> Iterator[Page]:
        """All rows, read by a job whose id is stored in the position."""
        id, locator = position.get("job"), position.get("locator")
        if id is None or not self._is_there(client, id):
            body = {"operation": "queryAll", "query": select}
            id = client.json("POST", f"{DATA}/jobs/query", json=body, type=Job).id
            locator = None
            yield Page((), position={"job": id, "begun": begun})
        self._wait(client, id)
        tokens = PageTokens(f"{client.name} {self.name}")
        while True:
            params: dict[str, Any] = {"maxRecords": LARGEST_SET}
            params |= {"locator": tokens.check(locator)} if locator else {}
            rows: list[bytes] = []
            answer = client.request(
                "GET", f"{DATA}/jobs/query/{id}/results", params=params, check=_reader(rows)
            )
            locator = answer.headers.get("sforce-locator", "null")
            if locator == "null":
                yield Page(rows)
                return
            yield Page(rows, position={"job": id, "locator": locator, "begun": begun})

    def _is_there(self, client: Org, id: str) -> bool:
        answer = client.request("GET", f"{DATA}/jobs/query/{id}", ok=(404,))
        return answer.status != 404 and answer.json(Job).state not in ("Failed", "Aborted")

    def _wait(self, client: Org, id: str) -> None:
        for _ in range(LOOKS):
            state = client.json("GET", f"{DATA}/jobs/query/{id}", type=Job).state
            if state == "JobComplete":
                return
            if state in ("Failed", "Aborted"):
                raise GiveUp(
                    f"{client.name} {self.name}: the bulk job {id} is {state}. Setup, Bulk Data "
                    "Load Jobs says why; bulk_from in rapport.yml does without."
                )
            client.pause()
        raise RetryLater(f"{client.name} {self.name}: the bulk job {id} is still at work.", 600)


def _reached(records: Sequence[Record], as_of: datetime) -> Position | None:
    """The position after rows that came in order: their last stamp, never past `as_of`."""
    if not records:
        return None
    last = msgspec.json.decode(records[-1], type=Stamped).stamp
    return {"cursor": min(last, as_of).isoformat()}


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _reader(rows: list[bytes]) -> Callable[[Answer], None]:
    """Reads a set of results as JSON documents; raises ValueError if it is incomplete."""

    def read(answer: Answer) -> None:
        lines = csv.DictReader(io.StringIO(answer.content.decode(), newline=""))
        rows[:] = [
            msgspec.json.encode({name: value or None for name, value in line.items()})
            for line in lines
        ]
        if len(rows) != int(answer.headers["sforce-numberofrecords"]):
            raise ValueError("a set of results is cut short")

    return read


class Salesforce(Source):
    """Option `fields`: further fields, `{contacts: [Tier__c]}`. Those of `custom_fields` are loaded
    automatically. A custom field with the name `user_id` is the id of the user in the app.

    Option `campaign_members: true` loads campaign members; `bulk_from` (rows) and `limit_share` as
    above.
    """

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.chosen = validated(Options, self.options, self.name)

    def streams(self) -> Sequence[Stream]:
        streams: list[Stream] = []
        for name, (object, fields) in OBJECTS.items():
            if name in OPTIONAL and not self.chosen.campaign_members:
                streams.append(Nothing(name=name))
                continue
            needed = [*self.chosen.fields.get(name, ()), *paths_of(self.options, name)]
            streams.append(
                Objects(
                    name=name,
                    object=object,
                    wanted=f"{ALWAYS} {fields}".split(),
                    needed=needed,
                    bulk_from=self.chosen.bulk_from,
                )
            )
        return streams

    def client(self, connection: Connection) -> Client:
        return open_org(connection, self.chosen.limit_share)
