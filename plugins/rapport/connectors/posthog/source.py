"""PostHog: events, and persons with all their distinct ids, by queries in HogQL.

https://posthog.com/docs/api/queries

PostHog is retiring the list of events, so this source queries with SQL. A page starts after the
time of arrival and the uuid of the last row before it, so that no row is skipped. The time is
`created_at`, when PostHog received an event. `timestamp` is the clock of the device, and may be
much earlier. PostHog answers a query from a cache unless `force_blocking` is set, and returns 100
rows unless the query sets a limit.

Persons have no time of change, and a person disappears when it is merged into another. So each run
reads all persons and marks those that are gone. A merge changes the person of an event without
changing the event. So events are stored without a person, and the persons state which distinct ids
are theirs.

The rate limits apply to the whole team and its other applications, so queries are few and large.
For many millions of events a month, the vendor recommends its batch exports, which `files` reads.

Assumed, where the documentation is silent: an event can be queried within the hour (`lag`); an
uuid that is sent again is the same event; a time with an offset is read with that offset.

>>> [stream.name for stream in Posthog().streams()]
['events', 'persons']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.posthog import VENDOR
from rapport.errors import ConfigError
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Source, Stream

LARGEST_PAGE = 10_000
LARGEST_LIST = 50_000
FIRST = "1970-01-01T00:00:00+00:00"

EVENTS = """
select toString(uuid) as id, event, distinct_id, timestamp, created_at, properties
from events
where created_at > toDateTime({time})
    or (created_at = toDateTime({time}) and toString(uuid) > {id})
order by created_at, id
limit %d
"""
COUNT = """
select count(distinct uuid) from events
where created_at >= toDateTime({start}) and created_at < toDateTime({end})
limit 1
"""
# The ids are sorted, because another order would make a new version of a person.
PERSONS = """
select
    toString(persons.id) as id, min(persons.created_at), min(persons.properties),
    arraySort(groupUniqArray(person_distinct_ids.distinct_id))
from persons
inner join person_distinct_ids on persons.id = person_distinct_ids.person_id
where toString(persons.id) > {id}
group by id
order by id
limit %d
"""
LIVE = """
select toString(id) as person from persons
where toString(id) > {id}
order by person
limit %d
"""


class Found(msgspec.Struct):
    results: list[list[Any]]


@dataclass(frozen=True)
class Events(Stream):
    """Every event, in the order in which PostHog received it."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        since = self.since(position)
        after = {"time": since.isoformat() if isinstance(since, datetime) else FIRST, "id": ""}
        tokens = PageTokens(f"{client.name} {self.name}")
        while rows := _query(client, EVENTS % LARGEST_PAGE, **after):
            yield Page([_event(row) for row in rows])
            if len(rows) < LARGEST_PAGE:
                return
            after = {"time": _utc(rows[-1][4]), "id": rows[-1][0]}
            tokens.check(f"{after['time']} {after['id']}")

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The number of events that arrived in that period, each uuid once."""
        rows = _query(client, COUNT, start=start.isoformat(), end=end.isoformat())
        return int(rows[0][0]) if rows else None


@dataclass(frozen=True)
class Persons(Stream):
    """All persons, in the order of their ids."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        for rows in _walk(client, PERSONS, LARGEST_PAGE):
            yield Page([_person(row) for row in rows])

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        for rows in _walk(client, LIVE, LARGEST_LIST):
            yield [row[0] for row in rows]


def _walk(client: Client, query: str, size: int) -> Iterator[list[list[Any]]]:
    after, tokens = "", PageTokens(f"{client.name} persons")
    while rows := _query(client, query % size, id=after):
        yield rows
        if len(rows) < size:
            return
        after = tokens.check(rows[-1][0])


def _query(client: Client, query: str, **values: str) -> list[list[Any]]:
    asked = {"kind": "HogQLQuery", "query": query, "values": values}
    body = {"query": asked, "refresh": "force_blocking"}
    found: Found = client.json("POST", "/query/", json=body, type=Found)
    return found.results


def _event(row: Sequence[Any]) -> bytes:
    uuid, event, distinct_id, timestamp, created_at, properties = row
    return msgspec.json.encode(
        {
            "uuid": uuid,
            "event": event,
            "distinct_id": distinct_id,
            "timestamp": _utc(timestamp),
            "created_at": _utc(created_at),
            "properties": _raw(properties),
        }
    )


def _person(row: Sequence[Any]) -> bytes:
    id, created_at, properties, distinct_ids = row
    return msgspec.json.encode(
        {
            "id": id,
            "created_at": _utc(created_at),
            "properties": _raw(properties),
            "distinct_ids": distinct_ids,
        }
    )


def _raw(properties: str | None) -> msgspec.Raw:
    """The properties, which are sent as a text, as JSON."""
    return msgspec.Raw((properties or "{}").encode())


def _utc(time: str) -> str:
    """A time, which PostHog writes in the project's time zone, in UTC.

    >>> _utc("2026-03-29T02:30:00.5+02:00")
    '2026-03-29T00:30:00.500000+00:00'
    """
    moment = datetime.fromisoformat(time)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Posthog(Source):
    """Product analytics."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Events(
                name="events",
                key=("uuid",),
                cursor="created_at",
                lag=timedelta(hours=1),
                ordered=True,
                counted="created_at",
            ),
            Persons(name="persons", sweep=True),
        ]

    def client(self, connection: Connection) -> Client:
        if not connection.login:
            raise ConfigError(
                f'connection "{connection.name}" has no login. Set it to the id of the project.'
            )
        host = base_url(connection, "https://us.posthog.com")
        return Client(
            f"{host}/api/projects/{connection.login}",
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
            deadline=600.0,
        )
