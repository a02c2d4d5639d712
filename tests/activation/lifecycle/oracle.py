"""What must hold, told from plain dicts alone: each row that a tool gets, and every list at dawn.

>>> oracle.morning(said)  # doctest: +SKIP
AssertionError: day 3: intercom/news holds p1, who may not be written to
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapport.vendors.destination import Batch, Person

from .company import Company, Human
from .project import CAPS, SEGMENTS, Project
from .said import Said, speaks_of
from .tools import LISTS, Account

NEEDS_YES = ("marketing", "feedback")


@dataclass
class Out:
    """Somebody unsubscribed by an address; `is_heard` once the tool could tell us."""

    name: str
    address: str
    tool: str
    channel: str
    at: datetime
    is_heard: bool = False


class Oracle:
    """Judges rows as they come and lists in the morning; `seen` has who was last in each segment
    when its sources could be read."""

    def __init__(self, company: Company, project: Project, accounts: dict[str, Account]) -> None:
        self.company, self.project, self.accounts = company, project, accounts
        self.outs: list[Out] = []
        self.seen: dict[str, set[str]] = {key: set() for key in SEGMENTS}
        self.messages: list[tuple[int, str, str, frozenset[str]]] = []
        self.wrongs: list[str] = []
        self.by_hand: set[tuple[str, str]] = set()
        self.suppresses: set[str] = set()
        self.counts_unanswered = False
        self.late: set[str] = set()
        self.unclear: set[str] = set()
        self.day = 0

    def begin(self, day: int, as_of: datetime) -> None:
        """A night begins: how every list is before it."""
        self.day, self.wrongs, self.late = day, [], set()
        if self.company.vanished:
            self.unclear |= {one.name for one in self.company.humans.values() if not one.words}
        self.before = {(tool, key): self._on(tool, key) for tool, key in self._lists()}
        key = "open_ticket"
        if key not in self.project.declared:
            self.suppresses = set()
        elif key not in self.project.wrong:
            self.suppresses = set(self.project.declared[key]["suppresses"])

    def is_left(self) -> None:
        """A night that was killed is not run again: no answer told which messages went out."""
        if not self.counts_unanswered:
            self.messages = [message for message in self.messages if message[0] != self.day]

    def heard(self, tools: set[str]) -> None:
        """These tools said who is out."""
        for out in self.outs:
            out.is_heard = out.is_heard or out.tool in tools

    def judge(
        self, tool: str, address: str, batch: Batch, person: Person, is_message: bool
    ) -> None:
        """A row that a tool got; a message where it makes the tool write to the person."""
        key, who = batch.audience.key, f"{tool}/{batch.audience.key} got {person.customer_id}"
        owner = self.company.owner(address)
        humans = self.company.of(person.customer_id)
        if owner is None or owner.name in self.company.erased or not humans:
            self.wrongs.append(f"{who}, who was erased")
            return
        if why := self.refusal(humans, key, tool):
            self.wrongs.append(f"{who}, {why}")
        if not is_message:
            return
        if key in self.project.wrong:
            self.wrongs.append(f"{who} by a file that cannot be read")
        names = frozenset(human.name for human in humans)
        if SEGMENTS[key]["purpose"] in self.suppresses and names & self.seen["open_ticket"]:
            self.wrongs.append(f"{who}, who has an open ticket")
        self._count(key, who, names, owner)

    def _count(self, key: str, who: str, names: frozenset[str], owner: Human) -> None:
        channel = SEGMENTS[key]["channel"]
        if channel == "none" or SEGMENTS[key]["purpose"] == "service":
            return
        cap = CAPS[channel]
        recent = {
            (day, segment)
            for day, segment, by, reached in self.messages
            if by == channel and day > self.day - cap["days"] and reached & names
        } - {(self.day, key)}
        if len(recent) >= cap["messages"]:
            self.wrongs.append(f"{who}, who had {len(recent)} messages by {channel} lately")
        self.messages.append((self.day, key, channel, frozenset({owner.name})))

    def refusal(self, humans: list[Human], key: str, tool: str) -> str | None:
        """Why a list must not hold a customer, None where it may."""
        channel, purpose = SEGMENTS[key]["channel"], SEGMENTS[key]["purpose"]
        for human in humans:
            for out in self.outs:
                reaches = out.tool == tool or (out.channel == channel and purpose in NEEDS_YES)
                if out.name == human.name and reaches and self._is_out(humans, out, purpose):
                    return f"who unsubscribed at {out.tool} by {out.address}"
        words = [human.words.get((channel, purpose)) for human in humans]
        if channel != "none" and any(word is not None and not word.is_granted for word in words):
            return "who said no"
        # Of those who are missing together, nobody can tell whose yes is really gone.
        is_known = not self.company.vanished and not {human.name for human in humans} & self.unclear
        if channel != "none" and purpose in NEEDS_YES and not any(words) and is_known:
            return "who said nothing"
        return None

    def _is_out(self, humans: list[Human], out: Out, purpose: str) -> bool:
        """A no at a tool holds until the person says yes later, and the tool no more says no."""
        account = self.accounts[out.tool]
        contact = account.contacts.get(account.by_address(out.address) or "")
        words = [human.words.get((out.channel, purpose)) for human in humans]
        is_newer = any(word and word.is_granted and word.at > out.at for word in words)
        return out.is_heard and not (is_newer and not (contact and contact["is_out"]))

    def is_gone(self, names: list[str]) -> None:
        """Raise `AssertionError` where a tool still knows somebody after an erasure."""
        for tool in LISTS:
            rows = self.accounts[tool].contacts.values()
            owners = [self.company.owner(row["address"]) for row in rows]
            held = {owner.name for owner in owners if owner} & set(names)
            held -= {name for name in held if (tool, name) in self.by_hand}
            assert not held, f"{tool} holds {', '.join(sorted(held))}, erased"

    def morning(self, said: Said) -> None:
        """Raise `AssertionError` with everything that is wrong after a night."""
        for tool, key in self._lists():
            for row in self.accounts[tool].on(key):
                self._look_at(tool, key, row, said)
            self._look_for_the_lost(tool, key)
        kinds = Counter(self.wrongs)
        assert not kinds, f"day {self.day}: " + "; ".join(sorted(kinds))

    def _look_at(self, tool: str, key: str, row: dict[str, Any], said: Said) -> None:
        account, project = self.accounts[tool], self.project
        is_spoken_of = speaks_of(said, tool, key)
        is_reachable = project.is_on("destinations", tool) and not account.is_down
        owner, where = self.company.owner(row["address"]), f"{tool}/{key} holds"
        if owner is None or owner.name in self.company.erased:
            if owner is None or (tool, owner.name) not in self.by_hand:
                self.wrongs.append(f"{where} somebody who was erased")
            return
        humans = self.company.of(self.company.customer[owner.name])
        if not is_reachable:
            if not is_spoken_of:
                self.wrongs.append(f"{where} {owner.name}, and nobody is told of it")
            return
        # A word that comes after the plan is obeyed by payloads at once, by lists the next night.
        is_late = {human.name for human in humans} & self.late
        if not is_late and (why := self.refusal(humans, key, tool)):
            self.wrongs.append(f"{where} {owner.name}, {why}")
        is_member = {human.name for human in humans} & self.seen[key]
        declared = project.declared.get(key, {})
        is_declared = tool in declared.get("destinations", ())
        if is_declared and declared.get("mode", "mirror") != "mirror":
            return
        if not (is_member and is_declared) and key not in project.wrong and not is_spoken_of:
            self.wrongs.append(f"{where} {owner.name}, who left")

    def _look_for_the_lost(self, tool: str, key: str) -> None:
        """Whoever was on a list, belongs there and may be there, is there."""
        declared = self.project.declared.get(key)
        is_on = self.project.is_on("destinations", tool)
        if declared is None or tool not in declared["destinations"] or not is_on:
            return
        for customer in self.before.get((tool, key), set()) - self._on(tool, key):
            humans = self.company.of(customer)
            names = {human.name for human in humans}
            if not humans or not names & self.seen[key] or self._is_held(key, names):
                continue
            if self.refusal(humans, key, tool) is None:
                self.wrongs.append(f"{tool}/{key} lost {customer}, for no reason")

    def _is_held(self, key: str, names: set[str]) -> bool:
        """Whether a suppressor or another campaign of the same day may have taken them."""
        own = SEGMENTS[key]
        if own["purpose"] in self.suppresses and names & self.seen["open_ticket"]:
            return True
        return any(
            other["channel"] == own["channel"] and other["priority"] < own["priority"]
            and other["purpose"] != "service" and names & self.seen[first]
            for first, other in SEGMENTS.items()
        )  # fmt: skip

    def _on(self, tool: str, key: str) -> set[str]:
        """The customers of today who are on a list."""
        owners = [self.company.owner(row["address"]) for row in self.accounts[tool].on(key)]
        names = {owner.name for owner in owners if owner} - self.company.erased.keys()
        return {self.company.customer[name] for name in names}

    def _lists(self) -> list[tuple[str, str]]:
        return [(tool, key) for tool in LISTS for key in sorted(self.accounts[tool].lists)]
