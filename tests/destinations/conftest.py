"""Every tool's double on one port, with a company of its own for each test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors import all_destinations
from rapport.vendors.destination import Audience, Batch, Destination, Person
from rapport_sandbox.recorder import Recorder

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)


@pytest.fixture
def tool(twins: Recorder) -> Iterator[Callable[..., Destination]]:
    """Opens a destination against its double; nothing sleeps."""
    made: list[Destination] = []

    def open_tool(name: str, **options: Any) -> Destination:
        kind = all_destinations()[name]
        connection = twins.connection(name) if kind.needs_connection else None
        made.append(kind(options, connection, sleep=lambda seconds: None))
        return made[-1]

    yield open_tool
    for one in made:
        one.close()


class Make:
    """People, lists and batches that nobody cares about in detail."""

    audience = Audience("readers", "Readers", "email", "marketing", {"score": "integer"})

    def person(self, number: int, **fields: Any) -> Person:
        values = {
            "email": f"p{number}@example.com",
            "full_name": f"Person {number}",
            "traits": {"score": number},
        }
        return Person(f"customer_{number}", **{**values, **fields})

    def people(self, *numbers: int) -> list[Person]:
        return [self.person(number) for number in numbers]

    def batch(
        self, *people: Person, id: str = "batch_1", audience: Audience | None = None
    ) -> Batch:
        return Batch(id, audience or self.audience, people, "20260331T030000Z-01", AS_OF)


@pytest.fixture
def make() -> Make:
    return Make()
