"""Nights over a project of its own: a build, the real activation, and kills at any step.

>>> nights = Nights(world, tmp_path)  # doctest: +SKIP
>>> nights.night(kill_at="planned")  # doctest: +SKIP
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from rapport import activation, connectors, settings
from rapport.errors import RapportError
from rapport.settings import load_settings

from . import marts, said
from .company import Company
from .oracle import Oracle
from .project import DESTINATIONS, SEGMENTS, SOURCES, Project
from .tools import DOUBLES, Account, Double

START = datetime(2026, 3, 1, 3, tzinfo=UTC)
PEOPLE = 8
BETWEEN = ("built", "evaluated", "pulled", "planned")
WITHIN = ("activation.intended", "activation.answered", "activation.recorded", "half sent")
STEPS = (*BETWEEN, *WITHIN)
FIRST = {
    "news": ("p0", "p1", "p2", "p3", "p4", "p5"),
    "offers": ("p0", "p1", "p2", "p3"),
    "care": ("p4", "p5", "p6", "p7"),
    "survey": ("p6", "p7"),
    "open_ticket": (),
}


class KilledError(BaseException):
    """What a SIGKILL is to a process that goes on afterwards."""


class Nights:
    """One company over a real warehouse; `said` has what the last night said of which list."""

    current: "Nights"

    def __init__(self, world: Any, home: Path) -> None:
        Nights.current = self
        marts.empty(world.connection)
        self.world, self.project = world, Project(home)
        self.company = Company(PEOPLE)
        self.accounts = {name: Account(name) for name in DESTINATIONS}
        Double.accounts = self.accounts
        self.oracle = Oracle(self.company, self.project, self.accounts)
        for account in self.accounts.values():
            account.judge, account.passes = self.oracle.judge, lambda: self.point("half sent")
        self.members = {key: set(names) for key, names in FIRST.items()}
        self.stale: set[str] = set()
        self.day, self.minute, self.score = 0, 0, 1
        self.kill_at: str | None = None
        for name in self.company.humans:
            self.company.says(name, True, self.now())
        for key in SEGMENTS:
            self.project.declare(key)

    @property
    def as_of(self) -> datetime:
        return START + timedelta(days=self.day)

    @property
    def run_id(self) -> str:
        return f"{self.as_of:%Y%m%dT%H%M%SZ}-01"

    def now(self) -> datetime:
        """Some time after the last night, later at each call."""
        self.minute += 1
        return self.as_of + timedelta(minutes=self.minute)

    def point(self, name: str) -> None:
        """Dies here if that was asked for, `<name>:2` at the second passage; stands in for
        `rapport.faults.point`."""
        step, _, passages = (self.kill_at or "").partition(":")
        if name == step:
            left = int(passages or 1) - 1
            self.kill_at = f"{name}:{left}" if left else None
            if not left:
                raise KilledError

    def a_night_is_skipped(self) -> None:
        self.day, self.minute = self.day + 1, 0

    def night(
        self, kill_at: str | None = None, again: bool = True, late: str | None = None
    ) -> None:
        """The next night; killed at a step and, with `again`, run again. `late` withdraws between
        plan and push. What must hold is checked unless the night did not end."""
        self.a_night_is_skipped()
        self.oracle.begin(self.day, self.as_of)
        self.kill_at = kill_at
        try:
            self._attempt(late)
        except KilledError:
            if not again:
                self.oracle.is_left()
                return
            self._attempt(late)
        self.kill_at = None
        self.oracle.morning(self.said)

    def _attempt(self, late: str | None) -> None:
        self.said: set[tuple[str, str]] = set()
        self._build()
        self.point("built")
        said.evaluated(self.said, activation.evaluate(self.run_id, self.as_of))
        self.point("evaluated")
        pulled = activation.pull(self.run_id, self.as_of)
        said.pulled(self.said, pulled)
        self.oracle.heard({name for name in pulled if "problem" not in pulled[name]})
        self.point("pulled")
        said.planned(self.said, activation.plan(self.run_id, self.as_of))
        self.point("planned")
        if late in self.company.humans:
            self.company.says(late, False, self.now())
            self.oracle.late.add(late)
            self._publish()
        self._push()

    def _push(self) -> None:
        """To every destination of rapport.yml: one that is off is called as long as it must be."""
        for name in load_settings().destinations:
            try:
                activation.push(self.run_id, self.as_of, name)
            except RapportError:
                if self.project.is_on("destinations", name):
                    said.failed(self.said, name)

    def push_again(self) -> None:
        """Plan and push of the last night once more, as a retry of its tasks."""
        try:
            activation.plan(self.run_id, self.as_of)
            self._push()
        except RapportError:
            pass

    def _build(self) -> None:
        with self.world.connection.pipeline():
            self._publish()
            self._fill_segments()

    def _fill_segments(self) -> None:
        """What the segments' models say; of a source that is stale or off, what it said last."""
        for key, names in self.members.items():
            if self._is_current(key):
                self.oracle.seen[key] = set(names)
            known = self.oracle.seen[key] & self.company.humans.keys()
            customers = {self.company.customer[name] for name in known}
            self.world.members(key, *sorted(customers), score=self.score)

    def _publish(self) -> None:
        marts.publish(self.world.connection, self.company, self.as_of)
        self.world.connection.execute("truncate marts.data_status")
        for source in self._sources():
            self.world.connection.execute(
                "insert into marts.data_status values (%s, %s, %s)",
                (source, source in self.stale, self.as_of),
            )

    def _is_current(self, key: str) -> bool:
        needs = SEGMENTS[key]["needs"]
        fresh = {SOURCES[name] for name in self._sources() if name not in self.stale}
        return set(needs) <= fresh

    def _sources(self) -> list[str]:
        return [name for name in SOURCES if self.project.is_on("sources", name)]


@contextmanager
def doubles(patch: Any) -> Iterator[None]:
    """The doubles instead of the real tools."""
    real = connectors.all_destinations()
    patch.setattr(connectors, "all_destinations", lambda: {**real, **DOUBLES})
    # The folders of connectors are looked through at each reading of rapport.yml.
    patch.setattr(settings, "known", cache(settings.known))
    yield
