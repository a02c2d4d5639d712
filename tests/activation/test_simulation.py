"""Nights in which everything happens that can: each morning the tool holds who it should.

Consents are withdrawn, people unsubscribe at the tool, move, merge, enter and leave; rows are
refused, calls throttled, and a night is killed at every step and run again. The seed is printed;
`RAPPORT_SEED` repeats it. `make faults` runs thirty nights, the suite eight.
"""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import pytest

from rapport import faults
from rapport.activation_options import Cap
from rapport.errors import GiveUp, RetryLater
from rapport.vendors.destination import Batch, Result

from ..faults.tally import WITHOUT, WRITTEN, kill
from .company import BATCH, Company, Double, Lists, Memory

NIGHTS = 30 if os.environ.get("RAPPORT_FAULTS") == "all" else 8
POINTS = sorted(point for point in faults.POINTS if point.startswith("activation."))
STEPS = ["pulled", "evaluated", "planned", "half sent", *POINTS]


class KilledError(BaseException):
    """What a SIGKILL is to a process that goes on afterwards."""


class Death:
    """Kills the process at the n-th passage of a step; `places` are where it did."""

    def __init__(self) -> None:
        self.step: str | None = None
        self.left = 0
        self.places: list[str] = []

    def at(self, step: str | None, passage: int = 1) -> None:
        self.step, self.left = step, passage

    def point(self, name: str) -> None:
        if name == self.step:
            self.left -= 1
            if self.left == 0:
                self.step = None
                self.places.append(name)
                raise KilledError


class Meter:
    """Between engine and tool: counts calls and rows, and may die with half of a batch sent."""

    def __init__(self, tool: Any, death: Death, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str, list[str]]] = []
        self.rows = self.halves = 0
        for op in ("upsert", "remove"):
            monkeypatch.setattr(tool, op, self._counted(op, getattr(tool, op), death))

    def _counted(self, op: str, real: Any, death: Death) -> Any:
        def call(batch: Batch) -> Sequence[Result]:
            if "." in batch.id:
                self.halves += 1
            else:
                people = [person.customer_id for person in batch.people]
                self.calls.append((op, batch.audience.key, people))
            try:
                death.point("half sent")
            except KilledError:
                people = batch.people[: len(batch.people) // 2]
                if people:
                    real(Batch(batch.id, batch.audience, people, batch.run_id, batch.as_of))
                raise
            return real(batch)  # type: ignore[no-any-return]

        return call

    def new_push(self) -> None:
        self.calls.append(("", "", []))

    def morning(self, short: int) -> None:
        """No call more than the rows of a list needed, and one for each of the `short` who said no
        after the plan: they left a batch short and are taken off at the end."""
        self.rows += sum(len(people) for _, _, people in self.calls)
        for (op, key), calls in groupby(self.calls, key=lambda call: call[:2]):
            sizes = [len(people) for _, _, people in calls]
            assert not op or len(sizes) <= math.ceil(sum(sizes) / BATCH) + short, (op, key, sizes)
        self.calls.clear()


@pytest.fixture(params=["memory", "double"])
def tool(request: pytest.FixtureRequest, world: Any) -> Iterator[Any]:
    if request.param == "memory":
        made: Any = Memory(world)
    else:
        made = Double(world, request.getfixturevalue("base"))
    yield made
    made.close()


class Nights:
    """Runs nights and holds each of them against what ought to be."""

    def __init__(self, world: Any, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.company, self.tool = world, company, company.tool
        # Caps have tests of their own; who moves in and out often would reach theirs here.
        uncapped = dict.fromkeys(world.options.caps, Cap(messages=1000, days=1))
        world.options = world.options.model_copy(update={"caps": uncapped})
        self.death = Death()
        self.meter = Meter(world.tool, self.death, monkeypatch)
        monkeypatch.setattr(faults, "point", self.death.point)
        self.before: Lists = {"first": {}, "second": {}}
        self.steps = company.dice.sample(STEPS, len(STEPS))
        self.changed = self.spare = self.refused = self.unanswered = 0

    def night(self, number: int) -> None:
        """One night, killed and begun again as often as the dice say."""
        dice = self.company.dice
        deaths = [(dice.choice(STEPS), dice.randint(1, 3)) for _ in range(dice.choice((0, 0, 1)))]
        if number < len(STEPS) or dice.random() < 0.5:
            deaths.append((self.steps[number % len(STEPS)], 1))
        may_change = number == 1 or dice.random() < 0.5
        self.world.night_number += 1
        self.short = 0
        while True:
            self.death.at(*(deaths.pop() if deaths else (None,)))
            try:
                self._attempt(may_change)
            except KilledError:
                self.unanswered += 1
                self.world.reconnect()
            except RetryLater:
                self.unanswered += 1
                if self.death.step:
                    deaths.append((self.death.step, self.death.left))
            else:
                if not deaths:
                    return
            may_change = may_change and not self.short

    def _attempt(self, may_change: bool) -> None:
        self.world.pull()
        self.death.point("pulled")
        evaluate(self.world)
        self.death.point("evaluated")
        self.world.plan(evaluate=False)
        self.death.point("planned")
        if may_change:
            self.company.changes_a_mind()
            self.short = 1
        self.meter.new_push()
        self.world.push()

    def morning(self, mark: Any) -> None:
        """Look at the tool, at the changelog, at the sums and at what the double objects to."""
        self.tool.calm()
        held, wanted = self.tool.lists(), self.company.wanted()
        for key, rows in wanted.items():
            there = held.get(key, {})
            accepted = {p: row for p, row in rows.items() if p not in self.company.refused}
            assert {p: there.get(p) for p in accepted} == accepted, (mark, key)
            # Whose new row is refused stays as they were, under the id that they had.
            kept = {p for p in self.before[key] if self.company.now(p) in self.company.refused}
            assert there.keys() - accepted.keys() <= kept, (mark, key)
            self._account(key, there, (mark, key))
            self.before[key] = dict(there)
        assert self.tool.violations == [], mark
        sums(self.world)
        self.meter.morning(self.short)

    def _account(self, key: str, there: dict[str, Any], mark: Any) -> None:
        """What was logged as accepted is what differs at the tool, each row once."""
        logged = Counter(
            self.world.connection.execute(
                "select row_id, op_type, status from activation.sync_changelog"
                " where sync_id = %s and at = %s",
                (f"{self.world.tool.name}/{key}", self.world.as_of),
            ).fetchall()
        )
        self.refused += sum(n for (_, _, state), n in logged.items() if state == "failed")
        done = Counter({p: n for (p, _, state), n in logged.items() if state == "succeeded"})
        differs = Counter(self._differs(key, there))
        # A kill left it open whether the tool had them: the removal may have been in vain.
        spare = done - differs
        known = self.before[key].keys() | {self.company.now(p) for p in self.before[key]}
        assert all((p, "removed", "succeeded") in logged for p in spare), (mark, spare)
        assert not spare.keys() & (known | there.keys()), (mark, spare)
        assert done - spare == differs, mark
        self.changed += differs.total()
        self.spare += spare.total()

    def _differs(self, key: str, now: dict[str, Any]) -> set[str]:
        """Rows that are others than in the morning before; a merged one counts once."""
        earlier = dict(self.before[key])
        for old in self.before[key].keys() - now.keys():
            new = self.company.now(old)
            if new != old and new not in earlier:
                earlier[new] = ("renamed", earlier.pop(old))
        return {p for p in earlier.keys() | now.keys() if earlier.get(p) != now.get(p)}


def evaluate(world: Any) -> None:
    for segment in world.segments.values():
        world.evaluate(segment)


def sums(world: Any) -> None:
    (lost,) = world.connection.execute(
        """
        select count(*) from segments.membership as member
        left join activation.not_sent as left_out using (segment, customer_id)
        left join activation.ledger using (segment, customer_id)
        where member.left_at is null
            and (left_out.reason is null) <> (ledger.content_hash is not null)
            and not (left_out.reason is not null and ledger.content_hash is not null)
        """
    ).fetchone()
    assert lost == 0


def written_to(world: Any) -> int:
    """How many people the tool was told about tonight, those taken off left out."""
    (told,) = world.connection.execute(
        "select count(*) from activation.sync_changelog"
        " where at = %s and op_type <> 'REMOVED' and status = 'SUCCEEDED'",
        (world.as_of,),
    ).fetchone()
    return int(told)


def test_each_morning_the_tool_holds_exactly_who_it_should(
    world: Any,
    tool: Any,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, Any], None],
) -> None:
    seed = int(os.environ["RAPPORT_SEED"])
    print(f"RAPPORT_SEED={seed}")
    company = Company(world, tool, seed)
    nights = Nights(world, company, monkeypatch)
    for number in range(NIGHTS):
        company.a_day_passes()
        earlier = len(nights.death.places)
        nights.night(number)
        for place in enumerate(nights.death.places[earlier:]):
            where = f"{type(tool).__name__} {seed} night {number} {place}"
            record_property(*kill("simulated push", where))
        record_property(WRITTEN, written_to(world))
        record_property(WITHOUT, len(tool.violations))
        nights.morning((seed, number))
    # Rows sent are rows that changed, but for those that the tool refused, and at most one batch
    # for each answer that a kill or a busy tool kept from us.
    again = nights.meter.rows - nights.changed - nights.refused - nights.spare
    assert 0 <= again <= BATCH * nights.unanswered, (seed, again, nights.unanswered)
    assert nights.spare <= BATCH * nights.unanswered, (seed, nights.spare)
    assert nights.meter.halves <= 2 * math.ceil(math.log2(BATCH)) * nights.refused
    # All of it happened.
    assert set(nights.death.places) == set(STEPS), (seed, nights.death.places)
    assert tool.throttled > 0, seed
    assert nights.refused > 0 and nights.changed > NIGHTS, seed
    wanted = ("withdrawn", "withdrawn after the plan", "unsubscribed", "merged")
    assert all(company.happened[event] for event in wanted), (seed, company.happened)


def test_a_night_without_faults_makes_no_more_calls_than_its_rows_need(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(world)
    company = Company(world, memory, seed=7)
    nights = Nights(world, company, monkeypatch)
    monkeypatch.setattr(memory, "throttle", lambda dice: None)
    for _ in range(6):
        company.a_day_passes()
        memory.refuse({}, company.dice)
        world.night_number += 1
        nights._attempt(may_change=False)
        company.refused = set()
        nights.short = 0
        nights.morning(world.night_number)
        assert nights.meter.rows == nights.changed > 0
        assert nights.spare == nights.refused == nights.meter.halves == 0


def test_the_double_sees_a_payload_about_somebody_who_said_no(world: Any, base: str) -> None:
    double = Double(world, base)
    double.refusers = {"ann"}
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.options = world.options.model_copy(
        update={"consent": world.options.consent.model_copy(update={"marketing": "opt_out"})}
    )
    world.connection.execute("delete from marts.dim_consents where customer_id = 'ann'")
    world.customers("bob")
    world.night_number += 1
    world.plan()
    with pytest.raises(GiveUp, match="403"):
        world.push()
    assert [found["kind"] for found in double.violations] == ["no_consent"]
    double.close()
