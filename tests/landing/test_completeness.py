"""What landed is compared with what the vendor counts, and a gap is pulled again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from rapport.landing.completeness import days
from rapport.landing.ingest import pull
from rapport.vendors.connections import Connection
from rapport.vendors.http import Client
from rapport.vendors.source import Page, Position, Source, Stream

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class People(Stream):
    """People created in the last days; what `hidden` names the list does not show at first."""

    vendor: "Vendor"

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        self.vendor.pulls.append(position)
        hidden = self.vendor.hidden if len(self.vendor.pulls) == 1 else set()
        yield Page(
            [
                b'{"id": %d, "made": "%s"}' % (number, made.encode())
                for number, made in self.vendor.people.items()
                if number not in hidden
            ]
        )

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        made = [datetime.fromisoformat(text) for text in self.vendor.people.values()]
        return sum(start <= moment < end for moment in made)


@dataclass
class Vendor(Source):
    people: dict[int, str]
    hidden: set[int] = field(default_factory=set)
    pulls: list[Position | None] = field(default_factory=list)
    name = "crm"
    needs_connection = False

    def streams(self) -> list[Stream]:
        return [People(name="people", cursor="made", counted="made", vendor=self)]

    def client(self, connection: Connection) -> Client:
        return Client("http://127.0.0.1:1", name="crm")


PEOPLE = {
    1: "2026-03-27T12:00:00+00:00",
    2: "2026-03-28T00:00:00+00:00",
    3: "2026-03-29T23:59:59+00:00",
    4: "2026-03-30T12:00:00+00:00",
    5: "2026-03-31T02:00:00+00:00",
}


def books(warehouse: psycopg.Connection[Any]) -> list[tuple[str, int, int]]:
    query = "select day::text, at_vendor, landed from raw.completeness order by day"
    return warehouse.execute(query).fetchall()  # type: ignore[return-value]


def test_each_whole_day_is_counted_and_agrees(warehouse: psycopg.Connection[Any]) -> None:
    vendor = Vendor(PEOPLE)
    pull(vendor, warehouse, run_id="r", as_of=NIGHT)
    assert books(warehouse) == [("2026-03-28", 1, 1), ("2026-03-29", 1, 1), ("2026-03-30", 1, 1)]
    assert vendor.pulls == [None]


def test_a_gap_is_pulled_again_from_its_first_day(warehouse: psycopg.Connection[Any]) -> None:
    vendor = Vendor(PEOPLE, hidden={3, 4})
    pull(vendor, warehouse, run_id="r", as_of=NIGHT)
    assert vendor.pulls == [None, {"cursor": "2026-03-29T00:00:00+00:00"}]
    assert books(warehouse) == [("2026-03-28", 1, 1), ("2026-03-29", 1, 1), ("2026-03-30", 1, 1)]
    position = warehouse.execute("select position ->> 'cursor' from raw.watermarks").fetchone()
    assert position == ("2026-03-31T02:00:00+00:00",), "the watermark went back"


def test_what_stays_missing_stands_in_the_books_and_is_no_loop(
    warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(People, "count", lambda self, client, start, end: 9)
    vendor = Vendor(PEOPLE)
    pull(vendor, warehouse, run_id="r", as_of=NIGHT)
    assert len(vendor.pulls) == 2
    assert [row[1:] for row in books(warehouse)] == [(9, 1)] * 3


def test_only_whole_days_before_the_night_are_counted() -> None:
    assert [end for _, end in days(NIGHT)][-1] == datetime(2026, 3, 31, tzinfo=UTC)
