"""A stream to land, and pages of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from rapport.landing.load import land
from rapport.landing.load_log import LoadResult
from rapport.vendors.source import Page, Stream

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
PEOPLE = Stream(name="people", key=("id",), cursor="updated_at")


class Landing:
    """Lands records given as Python objects, one night after the other."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.as_of = NIGHT

    def __call__(
        self, *pages: Sequence[Any], stream: Stream = PEOPLE, **options: Any
    ) -> LoadResult:
        encoded = [
            Page([item if isinstance(item, bytes) else msgspec.json.encode(item) for item in page])
            for page in pages
        ]
        return land(
            self.connection, "crm", stream, encoded, run_id="r", as_of=self.as_of, **options
        )

    def next_night(self) -> None:
        self.as_of += timedelta(days=1)

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def landing(warehouse: psycopg.Connection[Any]) -> Landing:
    return Landing(warehouse)


def person(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "updated_at": f"2026-03-30T10:00:{number % 60:02d}Z", **fields}
