"""The records of additional vendors, computed from the people of the company on request.

Nothing is stored. A person's timeline at a vendor follows from (seed, vendor, number), and each
night shows the part up to then. So a new vendor does not change existing data. Only the first 5,000
people have such timelines, which limits memory use.

>>> import random
>>> from rapport_sandbox.person import Person
>>> def timeline(person, dice, arrival, until):
...     yield Change(arrival, "postbox_people", person.number, {"name": person.first})
>>> [change.stream for change in timeline(Person.make(7, 3), random.Random(1), 0, 1)]
['postbox_people']
"""

# ruff: noqa: S311, S608 - repeatable dice; table names come from this package, values are bound

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from fastapi import Request

from rapport_sandbox.call_gate import Gate, gate_of
from rapport_sandbox.clock import DAY, HOUR
from rapport_sandbox.company import NEW_SHARE, Company
from rapport_sandbox.person import Person
from rapport_sandbox.store import Json, as_text, decode

MOST_PEOPLE = 5_000
MAX_PAST = 400 * DAY
Row = tuple[Any, int, Json]


class Change(NamedTuple):
    """The state of a record from a time (ms) on. With `body` None, the record is gone."""

    moment: int
    stream: str
    id: int | str
    body: Json | None
    is_archived: bool = False


Changes = Callable[[], Iterable[Change]]
Timeline = Callable[[Person, random.Random, int, int], Iterable[Change]]


def ready(
    gate: Gate, vendor: str, timeline: Timeline, streams: Iterable[str]
) -> sqlite3.Connection:
    """The database with the current tables `<stream> (id, created, updated, is_archived, body)`.

    `created` and `updated` are milliseconds. The tables are in memory, attached to the company's
    database.
    """
    company = Company.of(gate.database)
    night = f"{company.seed}/{company.people}/{company.as_of}"

    def changes() -> Iterator[Change]:
        for person, dice, arrival in _people(company, vendor):
            yield from timeline(person, dice, arrival, company.as_of)

    return fill(gate, vendor, night, streams, changes)


def fill(
    gate: Gate, vendor: str, key: str, streams: Iterable[str], changes: Changes
) -> sqlite3.Connection:
    """Fill the tables of a vendor from changes, unless they were filled with the same `key`."""
    database = gate.database
    if "made" not in {row[1] for row in database.execute("pragma database_list")}:
        database.execute("attach ':memory:' as made")
        database.execute("create table made.nights (vendor text primary key, key text not null)")
    held = database.execute("select key from nights where vendor = ?", (vendor,)).fetchone()
    if held is not None and held[0] == key:
        return database
    for stream in streams:
        database.execute(f"drop table if exists made.{stream}")
        database.execute(
            f"create table made.{stream} (id primary key, created integer not null,"
            " updated integer not null, is_archived integer not null, body text not null)"
        )
    for stream, rows in _rows(changes(), gate.as_of).items():
        database.executemany(f"insert into made.{stream} values (?, ?, ?, ?, ?)", rows)
    for stream in streams:
        database.execute(f"create index made.{stream}_updated on {stream} (updated, id)")
    database.execute("insert or replace into nights values (?, ?)", (vendor, key))
    return database


def page(
    request: Request,
    stream: str,
    *,
    where: str = "true",
    values: Iterable[Any] = (),
    order: str = "updated, id",
    limit: int,
    offset: int = 0,
) -> tuple[list[Row], bool]:
    """The rows (id, updated, body) of a page, and whether there are more. Applies faults."""
    if request.state.fault == "empty":
        return [], False
    begin = offset - 1 if request.state.fault == "shift_page" and offset else offset
    found = gate_of(request).database.execute(
        f"select id, updated, body from {stream} where {where} order by {order} limit ? offset ?",
        [*values, limit + 1, begin],
    )
    rows = [(id, updated, decode(body)) for id, updated, body in found]
    return rows[:limit], len(rows) > limit


def total(request: Request, stream: str, where: str = "true", values: Iterable[Any] = ()) -> int:
    """The number of records that meet a condition."""
    sql = f"select count(*) from {stream} where {where}"
    return int(gate_of(request).database.execute(sql, list(values)).fetchone()[0])


def _rows(changes: Iterable[Change], as_of: int) -> dict[str, list[tuple[Any, int, int, int, str]]]:
    latest: dict[str, dict[Any, tuple[int, Change]]] = {}
    for change in changes:
        if change.moment >= as_of:
            continue
        held = latest.setdefault(change.stream, {})
        if change.id not in held:
            held[change.id] = (change.moment, change)
        else:
            created, before = held[change.id]
            newer = change if change.moment >= before.moment else before
            held[change.id] = (min(created, change.moment), newer)
    return {
        stream: [
            (id, created, change.moment, int(change.is_archived), as_text(change.body))
            for id, (created, change) in held.items()
            if change.body is not None
        ]
        for stream, held in latest.items()
    }


def _people(company: Company, vendor: str) -> Iterator[tuple[Person, random.Random, int]]:
    """Yield all people with their random generator and the time they arrived at the vendor."""
    first = company.as_of - (company.night - 1) * DAY
    newcomers = max(3, round(company.people * NEW_SHARE))
    for number in range(1, min(company.next_number, MOST_PEOPLE + 1)):
        dice = random.Random(f"{company.seed}/{vendor}/{number}")
        if number <= company.people:
            arrival = first - DAY - int(dice.random() ** 2 * MAX_PAST)
        else:
            night = (number - company.people - 1) // newcomers
            arrival = first + night * DAY + int(dice.random() * (DAY - 2 * HOUR))
        yield Person.make(company.seed, number), dice, arrival
