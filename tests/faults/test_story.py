"""Whatever a source sends, whatever crashes, whoever says no or is erased, in whatever order.

The model is plain dicts; the warehouse is a real one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from rapport.landing import load
from rapport.privacy import tombstones
from rapport.sources.base import Page, Stream

PEOPLE = Stream(name="contacts", cursor="updatedAt", sweep=True)
START = datetime(2026, 3, 1, 3, tzinfo=UTC)
numbers = st.integers(0, 7)


class Crash(Exception):
    """The process is gone."""


class Story(RuleBasedStateMachine):
    """A vendor with eight people, and a warehouse that follows it."""

    connection: psycopg.Connection[Any]

    def __init__(self) -> None:
        super().__init__()
        self.connection.execute(
            "truncate raw.hubspot__contacts, raw.watermarks, raw.loads, raw.rejected_records,"
            " privacy.tombstones cascade"
        )
        self.vendor: dict[int, dict[str, Any]] = {}
        self.erased: set[int] = set()
        self.landed: dict[str, int] = {}
        self.night = 0
        self.version = 0

    @rule(number=numbers, late=st.booleans())
    def the_source_writes(self, number: int, late: bool) -> None:
        """A new person, or a change; a late one has a time that lies behind."""
        self.version += 1
        moment = START + timedelta(days=self.night, minutes=-60 if late else self.version)
        self.vendor[number] = {
            "id": str(number),
            "version": self.version,
            "updatedAt": moment.isoformat(),
            "properties": {"email": f"p{number}@example.com"},
        }

    @rule(number=numbers)
    def the_source_deletes(self, number: int) -> None:
        self.vendor.pop(number, None)

    @rule(number=numbers, after=st.integers(0, 8))
    def a_load_crashes(self, number: int, after: int) -> None:
        """Some records land, then the process is gone; the stage runs again some time."""
        try:
            self._load(crash_after=after)
        except Crash:
            for key in list(self.landed):
                self.landed[key] = self._held().get(key, self.landed[key])

    @rule()
    def a_load_runs(self) -> None:
        """The night ends well: the warehouse holds what the vendor holds."""
        self._load()
        self.landed = {
            str(number): record["version"]
            for number, record in self.vendor.items()
            if number not in self.erased
        }
        assert self._held() == self.landed

    @rule()
    def a_load_runs_again_and_changes_nothing(self) -> None:
        self.a_load_runs()
        before = self._everything()
        self._load()
        assert self._everything() == before

    @rule()
    def a_day_passes(self) -> None:
        self.night += 1

    @rule(number=numbers)
    def somebody_is_erased(self, number: int) -> None:
        """The heart of an erasure; the whole of it is in tests/privacy."""
        self.erased.add(number)
        handles = {"email": {f"p{number}@example.com"}, "hubspot:contacts": {str(number)}}
        tombstones.bury(self.connection, handles, 0, START)
        self.connection.execute(
            "delete from raw.hubspot__contacts where record_key = %s", (str(number),)
        )

    @invariant()
    def nobody_who_was_erased_is_held(self) -> None:
        held = {row[0] for row in self._everything()}
        assert held.isdisjoint(str(number) for number in self.erased)

    @invariant()
    def each_record_has_one_present(self) -> None:
        row = self.connection.execute(
            "select count(*), count(distinct record_key) from raw.hubspot__contacts where is_latest"
        ).fetchone()
        assert row is not None
        assert row[0] == row[1]

    @invariant()
    def the_books_are_right(self) -> None:
        row = self.connection.execute(
            "select coalesce(bool_and(read = landed + unchanged + rejected), true) from raw.loads"
        ).fetchone()
        assert row == (True,)

    def _load(self, crash_after: int | None = None) -> None:
        records = [msgspec.json.encode(record) for record in self.vendor.values()]

        def pages() -> Any:
            for done, record in enumerate(records):
                if done == crash_after:
                    raise Crash
                yield Page([record])

        load.land(
            self.connection, "hubspot", PEOPLE, pages(), run_id=f"r{self.night}",
            as_of=START + timedelta(days=self.night),
            live_keys=lambda: iter([[str(number) for number in self.vendor]]),
        )  # fmt: skip

    def _held(self) -> dict[str, int]:
        return dict(
            self.connection.execute(
                "select record_key, (payload ->> 'version')::int from raw.hubspot__contacts"
                " where is_latest and not is_deleted"
            ).fetchall()
        )

    def _everything(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "select record_key, payload, is_latest, is_deleted from raw.hubspot__contacts"
            " order by record_key, load_id, is_latest, payload::text"
        ).fetchall()


def test_whatever_happens_in_whatever_order(
    warehouse: psycopg.Connection[Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    long_run = os.environ.get("RAPPORT_FAULTS") == "all"
    Story.connection = warehouse
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=200 if long_run else 8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
