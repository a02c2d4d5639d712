"""The rules that Hypothesis draws from: something happens, and then a night or none.

>>> run_state_machine_as_test(machine(world, tmp_path))  # doctest: +SKIP
"""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from .life import Life
from .nights import FIRST, PEOPLE, STEPS
from .project import CONSENT_SOURCES, DESTINATIONS, SOURCES, WRONG

people = st.sampled_from([f"p{number}" for number in range(PEOPLE)])
segments = st.sampled_from(list(FIRST))
tools = st.sampled_from(DESTINATIONS)
EMAIL = ("intercom", "mailchimp", "sendgrid_mail")
# A night runs, is skipped, is killed and run again, or is killed and left.
nights = st.sampled_from(["run", "run", "run", "skip", "none", *STEPS, "left " + STEPS[3],
                          "left half sent"])  # fmt: skip


class Lifecycle(RuleBasedStateMachine):
    """`life` is made anew for each example."""

    world: Any
    home: Path

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.world, self.home)
        self.life.night()

    def _night(self, night: str, late: str | None = None) -> None:
        if night == "skip":
            self.life.a_night_is_skipped()
        elif night.startswith("left "):
            self.life.night(kill_at=night.removeprefix("left "), again=False)
        elif night != "none":
            self.life.night(kill_at=None if night == "run" else night, late=late)

    def _is_there(self, *names: str) -> bool:
        return all(name in self.life.company.humans for name in names)

    @rule(night=nights, late=st.one_of(st.none(), people))
    def a_day_passes(self, night: str, late: str | None) -> None:
        self.life.traits_change()
        self._night(night, late)

    @rule(name=people, night=nights)
    def somebody_withdraws(self, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.withdraws(name)
        self._night(night)

    @rule(name=people, night=nights)
    def somebody_gives_consent_again(self, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.gives_consent_again(name)
        self._night(night)

    @rule(name=people, tool=tools, by=st.integers(0, 1), night=nights)
    def somebody_unsubscribes(self, name: str, tool: str, by: int, night: str) -> None:
        if self._is_there(name):
            self.life.unsubscribes(name, tool, by)
        self._night(night)

    @rule(name=people, tool=tools, night=nights)
    def a_tool_forgets_who_is_out(self, name: str, tool: str, night: str) -> None:
        if self._is_there(name):
            self.life.the_tool_forgets(name, tool)
        self._night(night)

    @rule(name=people, night=nights)
    def a_golden_address_changes(self, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.golden_address_changes(name)
        self._night(night)

    @rule(name=people, night=nights)
    def a_record_is_deleted_at_the_vendor(self, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.record_is_deleted_at_the_vendor(name)
        self._night(night)

    @rule(key=segments, name=people, night=nights)
    def somebody_enters_or_leaves(self, key: str, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.enters_or_leaves(key, name)
        self._night(night)

    @rule(name=people, night=nights)
    def a_ticket_is_opened_or_closed(self, name: str, night: str) -> None:
        if self._is_there(name):
            self.life.enters_or_leaves("open_ticket", name)
        self._night(night)

    @rule(old=people, new=people, night=nights)
    def two_are_merged(self, old: str, new: str, night: str) -> None:
        if self._is_there(old, new):
            self.life.merges(old, new)
        self._night(night)

    @rule(name=people, night=nights)
    def somebody_is_split_off(self, name: str, night: str) -> None:
        # test_a_no_follows_the_person_who_said_it_out_of_a_merge is about the others.
        if self._is_there(name) and name not in {out.name for out in self.life.oracle.outs}:
            self.life.splits(name)
        self._night(night)

    @precondition(lambda self: not any(a.is_down for a in self.life.accounts.values()))
    @rule(name=people, beside_a_push=st.booleans(), night=nights)
    def somebody_is_erased(self, name: str, beside_a_push: bool, night: str) -> None:
        if self._is_there(name) and len(self.life.company.erased) < 3:
            self.life.is_erased(name, beside_a_push)
        self._night(night)

    @rule(key=st.sampled_from(["news", "survey"]), night=nights,
          destinations=st.sets(st.sampled_from(EMAIL), min_size=1))  # fmt: skip
    def a_segment_names_destinations(self, key: str, destinations: set[str], night: str) -> None:
        self.life.declares(key, *sorted(destinations))
        self._night(night)

    @rule(key=segments, how=st.sampled_from(sorted(WRONG)), night=nights)
    def a_file_becomes_unreadable(self, key: str, how: str, night: str) -> None:
        self.life.spoils(key, how)
        self._night(night)

    @rule(key=segments, night=nights)
    def a_file_is_deleted(self, key: str, night: str) -> None:
        self.life.deletes(key)
        self._night(night)

    @rule(key=segments, night=nights)
    def a_file_is_right_again(self, key: str, night: str) -> None:
        self.life.declares(key)
        self._night(night)

    @rule(name=tools, is_on=st.sampled_from([True, True, False, None]), night=nights)
    def a_destination_is_switched(self, name: str, is_on: bool | None, night: str) -> None:
        self.life.switches("destinations", name, is_on)
        self._night(night)

    @rule(name=st.sampled_from(sorted(SOURCES)), is_on=st.sampled_from([True, False, None]),
          night=nights)  # fmt: skip
    def a_source_is_switched(self, name: str, is_on: bool | None, night: str) -> None:
        self.life.switches("sources", name, is_on)
        self._night(night)

    @rule(name=st.sampled_from(sorted(SOURCES)), night=nights)
    def a_source_goes_stale_or_recovers(self, name: str, night: str) -> None:
        self.life.stale ^= {name}
        self._night(night)

    @rule(tool=tools, how=st.sampled_from(["is_down", "is_mute"]), night=nights)
    def a_tool_goes_down_or_up(self, tool: str, how: str, night: str) -> None:
        account = self.life.accounts[tool]
        setattr(account, how, not getattr(account, how))
        self._night(night)

    @rule(night=nights)
    def the_consents_of_a_source_vanish_or_come_back(self, night: str) -> None:
        self.life.consents_vanish_or_come_back(CONSENT_SOURCES[0])
        self._night(night)

    @precondition(lambda self: not self.life.company.vanished)
    @rule(night=nights)
    def what_waits_is_approved(self, night: str) -> None:
        self.life.approves()
        self._night(night)
