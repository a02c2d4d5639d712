"""Whatever a source sends, whatever crashes, whoever says no or is erased, in whatever order.

The model is plain dicts; the warehouse is a real one.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rapport.landing import load
from rapport.vendors.destination import Batch
from rapport.vendors.source import Page, Stream

from .lists import STEPS, TABLES, Crash, House
from .tally import WRITTEN

PEOPLE = Stream(name="contacts", cursor="updatedAt", sweep=True)
START = datetime(2026, 3, 1, 3, tzinfo=UTC)
numbers = st.integers(0, 7)


class Story(RuleBasedStateMachine):
    """A vendor with eight people, some twice, and a warehouse and a tool that follow it."""

    warehouse: psycopg.Connection[Any]
    written = 0

    def __init__(self) -> None:
        super().__init__()
        self.house = House(self.warehouse)
        self.vendor: dict[int, dict[str, Any]] = {}
        self.erased: set[int] = set()
        self.out: set[int] = set()
        self.known: dict[int, bool] = {}
        self.landed: dict[str, int] = {}
        self.night = 0
        self.version = 0

    def teardown(self) -> None:
        if self.house.connection is not self.warehouse:
            Story.warehouse = self.house.connection

    @rule(number=numbers, late=st.booleans(), again=st.booleans(), says=st.booleans())
    def the_source_writes(self, number: int, late: bool, again: bool, says: bool) -> None:
        """A new person, or a change; a late one has a time that lies behind.

        Somebody may have a second record. Each says yes or no to being written to.
        """
        self.version += 1
        moment = START + timedelta(days=self.night, minutes=-60 if late else self.version)
        record = number + 8 * again
        self.vendor[record] = {
            "id": str(record),
            "version": self.version,
            "updatedAt": moment.isoformat(),
            "properties": {"email": f"p{number}@example.com", "consent": says},
        }

    @rule(record=st.integers(0, 15))
    def the_source_deletes(self, record: int) -> None:
        self.vendor.pop(record, None)

    @rule(number=numbers)
    def somebody_withdraws(self, number: int) -> None:
        """At the source: known with the next load."""
        for record in self._records(number):
            self.version += 1
            properties = {**record["properties"], "consent": False}
            changed = {"version": self.version, "properties": properties}
            self.vendor[int(record["id"])] = {**record, **changed}

    @rule(number=numbers)
    def somebody_unsubscribes(self, number: int) -> None:
        """At the tool: known as soon as the tool is asked."""
        if f"c_p{number}" in self.house.tool.on("readers"):
            self.house.unsubscribe(f"c_p{number}")
            self.out.add(number)

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
            if number % 8 not in self.erased
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

    @rule(crash_at=st.sampled_from((None, None, *STEPS)), late=st.sets(numbers, max_size=2))
    def lists_are_pushed(self, crash_at: str | None, late: set[int]) -> None:
        """The second half of a night; some withdraw between plan and push."""
        self.house.world.night_number += 1
        while True:
            self.known = {number: self._says_yes(number) for number in range(8)}
            try:
                self.house.night(
                    self._judge, crash_at=crash_at, before_push=lambda: self._withdraw(late)
                )
            except Crash:
                crash_at = None
                continue
            break
        listed = set(self.house.tool.on("readers"))
        assert listed == {f"c_p{number}" for number, yes in self.known.items() if yes}

    @precondition(lambda self: len(self.erased) < 3)
    @rule(number=numbers)
    def somebody_is_erased(self, number: int) -> None:
        self.house.erase(f"p{number}@example.com", START + timedelta(days=self.night))
        self.erased.add(number)
        self.out.discard(number)
        gone = {key for key in self.landed if int(key) % 8 == number}
        self.landed = {key: version for key, version in self.landed.items() if key not in gone}
        assert f"c_p{number}" not in self.house.tool.on("readers")

    @invariant()
    def nobody_who_was_erased_is_anywhere(self) -> None:
        texts = {f"p{number}@example.com" for number in self.erased}
        texts |= {f"c_p{number}" for number in self.erased}
        assert self.house.traces(texts) == set()

    @invariant()
    def each_record_has_one_present(self) -> None:
        row = self.house.connection.execute(
            "select count(*), count(distinct record_key) from raw.hubspot__contacts where is_latest"
        ).fetchone()
        assert row is not None
        assert row[0] == row[1]

    @invariant()
    def the_books_are_right(self) -> None:
        row = self.house.connection.execute(
            "select coalesce(bool_and(read = landed + unchanged + rejected), true) from raw.loads"
        ).fetchone()
        assert row == (True,)

    def _records(self, number: int) -> list[dict[str, Any]]:
        found = (self.vendor.get(number), self.vendor.get(number + 8))
        return [record for record in found if record is not None]

    def _says_yes(self, number: int) -> bool:
        """Whether all that has landed of somebody says yes, and the tool has heard no no."""
        words = self.house.connection.execute(
            "select (payload #>> '{properties,consent}')::boolean from raw.hubspot__contacts"
            " where is_latest and not is_deleted and record_key = any(%s)",
            ([str(number), str(number + 8)],),
        ).fetchall()
        is_out = number in self.out or number in self.erased
        return bool(words) and all(word for (word,) in words) and not is_out

    def _withdraw(self, numbers: set[int]) -> None:
        for number in numbers:
            self.house.withdraw(f"c_p{number}")
            self.known[number] = False

    def _judge(self, op: str, batch: Batch) -> None:
        """Each payload, when it is sent."""
        for person in batch.people if op == "upsert" else ():
            Story.written += 1
            assert self.known[int(person.customer_id.removeprefix("c_p"))], "no consent"

    def _load(self, crash_after: int | None = None) -> None:
        records = [msgspec.json.encode(record) for record in self.vendor.values()]

        def pages() -> Any:
            for done, record in enumerate(records):
                if done == crash_after:
                    raise Crash
                yield Page([record])

        load.land(
            self.house.connection, "hubspot", PEOPLE, pages(), run_id=f"r{self.night}",
            as_of=START + timedelta(days=self.night),
            live_keys=lambda: iter([[str(number) for number in self.vendor]]),
        )  # fmt: skip

    def _held(self) -> dict[str, int]:
        return dict(
            self.house.connection.execute(
                "select record_key, (payload ->> 'version')::int from raw.hubspot__contacts"
                " where is_latest and not is_deleted"
            ).fetchall()
        )

    def _everything(self) -> list[tuple[Any, ...]]:
        return self.house.connection.execute(
            "select record_key, payload, is_latest, is_deleted from raw.hubspot__contacts"
            " order by record_key, load_id, is_latest, payload::text"
        ).fetchall()


def test_whatever_happens_in_whatever_order(
    warehouse: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, Any], None],
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    (tmp_path / "rapport.yml").write_text("sources: {hubspot: {}}\ndestinations: {files: {}}\n")
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "rapport.yml"))
    long_run = os.environ.get("RAPPORT_FAULTS") == "all"
    warehouse.execute(TABLES)
    Story.warehouse = warehouse
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=80 if long_run else 6,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    record_property(WRITTEN, Story.written)
