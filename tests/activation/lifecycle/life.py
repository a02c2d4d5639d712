"""Days and nights of a company's lists: what may happen, and the real activation at night.

Each method of `Life` that is named after something that happens is a rule of the simulation. What
must hold after a night is in `oracle.py`.

>>> life = Life(world, tmp_path)  # doctest: +SKIP
>>> life.withdraws("p1")  # doctest: +SKIP
>>> life.night()  # doctest: +SKIP
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from rapport import activation, destinations, settings
from rapport.activation.approval import decide, pending
from rapport.errors import RapportError
from rapport.privacy.erase import erase
from rapport.privacy.requests import Request, request
from rapport.privacy.requests import pending as unanswered
from rapport.settings import load_settings

from . import marts, said
from .company import Company
from .oracle import Oracle, Out
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


class Life:
    """One company over a real warehouse; `said` has what the last night said of which list."""

    current: "Life"

    def __init__(self, world: Any, home: Path) -> None:
        Life.current = self
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

    # Time

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

    # What people do

    def withdraws(self, name: str) -> None:
        self.company.says(name, False, self.now())

    def gives_consent_again(self, name: str) -> None:
        """A yes in a form of the company, and the tools say no more that they are out."""
        human = self.company.humans[name]
        self.company.says(name, True, self.now())
        for account in self.accounts.values():
            for address in (*human.addresses, human.phone):
                account.subscribe(address)

    def unsubscribes(self, name: str, tool: str, by: int = 0) -> None:
        """At a tool, by the number `by` of their addresses; at one that texts, by phone."""
        human = self.company.humans[name]
        address = human.phone if tool == "twilio" else human.addresses[by]
        self.accounts[tool].unsubscribe(address)
        channel = "sms" if tool == "twilio" else "email"
        self.oracle.outs.append(Out(name, address, tool, channel, self.now()))

    def unsubscribes_by_a_former_address(self, name: str, tool: str) -> None:
        """By a link in an old mail."""
        address = self.company.humans[name].former[-1]
        self.accounts[tool].unsubscribe(address)
        self.oracle.outs.append(Out(name, address, tool, "email", self.now()))

    def address_is_replaced(self, name: str, new: str) -> None:
        """The golden address is another one, and no source has the old one any more."""
        human = self.company.humans[name]
        human.former.append(human.addresses[human.golden])
        human.addresses[human.golden] = new
        self.oracle.outs += [
            Out(name, new, account.name, "email", self.now())
            for account in self.accounts.values()
            if (contact := account.by_address(new)) and account.contacts[contact]["is_out"]
        ]

    def the_tool_forgets(self, name: str, tool: str) -> None:
        """Whoever unsubscribed is deleted at the tool: it does not say so any more."""
        human, account = self.company.humans[name], self.accounts[tool]
        addresses = {*human.addresses, human.phone}
        rows = account.contacts.items()
        account.forget({k for k, row in rows if row["is_out"] and row["address"] in addresses})

    def golden_address_changes(self, name: str) -> None:
        human = self.company.humans[name]
        human.golden = 1 - human.golden

    def record_is_deleted_at_the_vendor(self, name: str) -> None:
        """With the record goes the yes that it carried; a no outlives it."""
        words = self.company.humans[name].words
        for key in [key for key, word in words.items() if word.is_granted]:
            del words[key]

    def consents_vanish_or_come_back(self, source: str) -> None:
        """The source is on, and its models have no yes of anybody."""
        self.company.vanished ^= {source}

    def enters_or_leaves(self, key: str, name: str) -> None:
        self.members[key] ^= {name}

    def traits_change(self) -> None:
        self.score += 1

    def merges(self, old: str, new: str) -> None:
        old, new = self.company.customer[old], self.company.customer[new]
        if old != new:
            self.company.merge(old, new)

    def splits(self, name: str) -> None:
        if self.company.customer[name] != name:
            self.company.split(name)

    def is_erased(self, name: str, beside_a_push: bool = False) -> None:
        """By the real erasure; `beside_a_push` pushes when the first tool has answered."""
        customer, at = self.company.customer[name], self.now()
        if beside_a_push:
            self.accounts["intercom"].while_erasing = self._again
        names = [human.name for human in self.company.of(customer)]
        asked = self._asked(customer)
        for last in (False, False, True):
            try:
                erase(self.world.connection, asked, at=at)
                break
            except RapportError:
                if last:
                    raise
        if (aside := self.accounts["intercom"].aside) is not None:
            aside.join(60)
        self.company.forget(names)
        self.oracle.by_hand |= {
            (tool, name)
            for tool in DESTINATIONS for name in names
            if not self.project.is_on("destinations", tool)
        }  # fmt: skip
        for people in self.members.values():
            people -= set(names)
        self.oracle.is_gone(names)

    def an_erasure_is_killed(self, name: str, kill_at: str) -> None:
        """An erasure begins and is killed; `is_erased` goes on with it."""
        self.kill_at = kill_at
        try:
            erase(self.world.connection, self._asked(self.company.customer[name]), at=self.now())
        except KilledError:
            self.kill_at = None

    def _asked(self, customer: str) -> Request:
        waiting = [one for one in unanswered(self.world.connection) if one.person == customer]
        return (
            waiting[0]
            if waiting
            else request(self.world.connection, "erase", customer, at=self.now())
        )

    # What the company does

    def declares(self, key: str, *destinations: str) -> None:
        """A segment gains or loses destinations, or comes back."""
        self.project.declare(key, **({"destinations": list(destinations)} if destinations else {}))

    def spoils(self, key: str, how: str) -> None:
        if key in self.project.declared:
            self.project.spoil(key, how)

    def deletes(self, key: str) -> None:
        self.project.delete(key)

    def switches(self, kind: str, name: str, is_on: bool | None) -> None:
        """On, off, or out of rapport.yml (None)."""
        (self.project.sources if kind == "sources" else self.project.destinations)[name] = is_on
        self.project.configure()

    def approves(self) -> None:
        """Everything that waits gets a yes."""
        for asked in pending(self.world.connection):
            decide(self.world.connection, asked["segment"], approve=True, reason="looked at it",
                   destination=asked["destination"])  # fmt: skip

    # Nights

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
            self.withdraws(late)
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

    def _again(self) -> None:
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
    real = destinations.discover()
    patch.setattr(destinations, "discover", lambda: {**real, **DOUBLES})
    # The folders of connectors are looked through at each reading of rapport.yml.
    patch.setattr(settings, "known", cache(settings.known))
    yield
