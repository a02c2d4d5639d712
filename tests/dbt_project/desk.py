"""A Zendesk desk of 231 tickets in 33 kinds with all that happened, written from Zendesk's pages.

- What ends a reply time or a resolution: https://support.zendesk.com/hc/en-us/articles/4408834848154
- Tickets that agents open: https://support.zendesk.com/hc/en-us/articles/4408821871642
- Statuses, and what a comment on a solved ticket does:
  https://support.zendesk.com/hc/en-us/articles/4408894213018
- The export: https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/

>>> len({ticket.kind for ticket in tickets()})
33
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

AS_OF = datetime(2026, 4, 10, 3, tzinfo=UTC)
EACH = 7
# Who writes: agents, one of whom left and is an end user today, and automations as -1.
ANNA, BORIS, LEFT, SYSTEM = 901, 902, 903, -1
AGENTS = (ANNA, BORIS, LEFT)
# People in copy: one is a user, the other was purged.
COLLEAGUE, PURGED_COLLEAGUE = 800, 801
DAY = 24 * 60


@dataclass
class Action:
    """One update: a comment (`public` is None without one), a new status, or both."""

    at: datetime
    who: int
    public: bool | None = None
    status: str | None = None
    by_rule: bool = False


@dataclass
class Ticket:
    """A ticket and everything that happened to it, in order."""

    kind: str
    id: int
    requester: int
    opened: datetime
    channel: str = "email"
    has_metrics: bool = True
    is_listed: bool = True
    actions: list[Action] = field(default_factory=list)

    def add(self, minutes: int, who: int, public: bool | None = None, **more: Any) -> "Ticket":
        """An update some minutes after the opening."""
        self.actions.append(Action(self.opened + timedelta(minutes=minutes), who, public, **more))
        return self

    @property
    def status(self) -> str:
        """The latest status."""
        return next(action.status for action in reversed(self.actions) if action.status)


Story = Callable[[Ticket, random.Random], object]


def _asked(ticket: Ticket) -> Ticket:
    return ticket.add(0, ticket.requester, True, status="new")


def _answered(ticket: Ticket, dice: random.Random, solved: bool = True) -> int:
    wait = dice.randrange(5, 2 * DAY)
    _asked(ticket).add(wait, ANNA, True, status="open")
    if solved:
        ticket.add(wait + 90, ANNA, None, status="solved")
    return wait


def _reopened(ticket: Ticket, dice: random.Random, again: bool = True) -> None:
    wait = _answered(ticket, dice)
    ticket.add(wait + 200, ticket.requester, True, status="open")
    if again:
        ticket.add(wait + 300, BORIS, True, status="solved")


def _twice(ticket: Ticket, dice: random.Random) -> None:
    _reopened(ticket, dice)
    last = int((ticket.actions[-1].at - ticket.opened).total_seconds() / 60)
    ticket.add(last + 60, ticket.requester, True, status="open")
    ticket.add(last + 61, BORIS, None, status="pending").add(last + 500, ANNA, status="solved")


def _archived(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice)
    ticket.has_metrics = False
    ticket.add(wait + 4 * DAY, SYSTEM, None, status="closed", by_rule=True)


def _merged(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket).add(dice.randrange(10, DAY), BORIS, False, status="closed")


def _purged(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 40, ticket.requester, True).add(wait + 55, ticket.requester, True)
    ticket.add(wait + 100, BORIS, True, status="solved")


def _silent(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket).add(dice.randrange(5, DAY), ANNA, None, status="solved")


def _internal_first(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket).add(7, ANNA, False, status="open")
    ticket.add(dice.randrange(60, DAY), BORIS, True, status="solved")


def _outbound(ticket: Ticket, dice: random.Random) -> None:
    ticket.add(0, ANNA, True, status="pending")
    ticket.add(300, ticket.requester, True, status="open")
    ticket.add(300 + dice.randrange(5, DAY), ANNA, True, status="solved")


def _outbound_alone(ticket: Ticket, dice: random.Random) -> None:
    ticket.add(0, ANNA, True, status="open").add(dice.randrange(5, DAY), ANNA, status="solved")


def _outbound_note(ticket: Ticket, dice: random.Random) -> None:
    ticket.add(0, ANNA, False, status="open")
    ticket.add(dice.randrange(30, DAY), BORIS, True, status="solved")


def _phone(ticket: Ticket, dice: random.Random) -> None:
    ticket.channel = "voice"
    ticket.add(0, ANNA, False, status="solved")
    ticket.add(DAY, ticket.requester, True, status="open")
    ticket.add(DAY + dice.randrange(30, 600), BORIS, True, status="solved")


def _agent_asks(ticket: Ticket, dice: random.Random) -> None:
    ticket.requester = BORIS
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 30, BORIS, True).add(wait + 50, ANNA, True, status="solved")


def _gone(ticket: Ticket, dice: random.Random) -> None:
    ticket.is_listed = False
    _answered(ticket, dice, solved=False)
    ticket.add(5 * DAY, ANNA, None, status="deleted")


def _held(ticket: Ticket, dice: random.Random, status: str = "hold") -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 30, ANNA, None, status=status)


def _resumed(ticket: Ticket, dice: random.Random) -> None:
    _held(ticket, dice, "pending")
    ticket.add(3 * DAY, ticket.requester, True, status="open")
    ticket.add(3 * DAY + 45, ANNA, True, status="solved")


def _automatic(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket).add(1, SYSTEM, True, by_rule=True).add(2, ANNA, True, by_rule=True)
    ticket.add(dice.randrange(60, DAY), BORIS, True, status="solved")


def _future(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 400 * DAY, ANNA, None, status="solved")


def _reassigned(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 10, ANNA, None, status=None)
    ticket.add(wait + 60, BORIS, True).add(wait + 90, BORIS, None, status="solved")


def _bulk(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket)
    end = datetime(2026, 4, 9, 12, tzinfo=UTC)
    ticket.actions.append(Action(end, BORIS, True, status="solved"))
    ticket.actions.append(Action(end, SYSTEM, None, status="closed", by_rule=True))


def _closed_unsolved(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 2 * DAY, SYSTEM, None, status="closed", by_rule=True)


def _left(ticket: Ticket, dice: random.Random) -> None:
    _asked(ticket).add(dice.randrange(20, DAY), LEFT, True, status="solved")


def _in_copy(ticket: Ticket, dice: random.Random) -> None:
    wait = _answered(ticket, dice, solved=False)
    ticket.add(wait + 30, COLLEAGUE, True).add(wait + 31, PURGED_COLLEAGUE, True)
    ticket.add(wait + 120, ANNA, True, status="solved")


def _unknown_first(ticket: Ticket, dice: random.Random) -> None:
    ticket.has_metrics = False
    _asked(ticket).add(15, PURGED_COLLEAGUE, True)
    ticket.add(dice.randrange(60, DAY), ANNA, True, status="solved")


STORIES: dict[str, Story] = {
    "answered and solved": _answered,
    "reopened": _reopened,
    "reopened and still open": lambda ticket, dice: _reopened(ticket, dice, again=False),
    "reopened twice, solved silently": _twice,
    "archived": _archived,
    "merged into another": _merged,
    "purged requester": _purged,
    "silent solve": _silent,
    "side conversation": _answered,
    "internal first reply": _internal_first,
    "opened on a holiday": _answered,
    "over the change of the clock": _answered,
    "outbound": _outbound,
    "outbound without an answer": _outbound_alone,
    "outbound after a note": _outbound_note,
    "phone call solved at once": _phone,
    "follow-up ticket": _answered,
    "agent as requester": _agent_asks,
    "deleted": _gone,
    "spam": _gone,
    "second brand on chat": _answered,
    "on hold": _held,
    "pending": lambda ticket, dice: _held(ticket, dice, "pending"),
    "pending and resumed": _resumed,
    "automatic reply": _automatic,
    "solved in the future": _future,
    "reassigned": _reassigned,
    "bulk-closed": _bulk,
    "closed without being solved": _closed_unsolved,
    "agent who left": _left,
    "people in copy": _in_copy,
    "unknown author first": _unknown_first,
    "never answered": lambda ticket, dice: _asked(ticket),
}
STARTS = {
    "opened on a holiday": datetime(2026, 4, 3, 6, tzinfo=UTC),
    "over the change of the clock": datetime(2026, 3, 28, 9, tzinfo=UTC),
    "bulk-closed": datetime(2026, 4, 7, 9, tzinfo=UTC),
}


def tickets() -> list[Ticket]:
    """All tickets, each kind `EACH` times, opened in March and April 2026."""
    dice, found = random.Random(18), []
    for place, (kind, story) in enumerate(STORIES.items()):
        for number in range(EACH):
            start = STARTS.get(kind, datetime(2026, 3, 20, tzinfo=UTC) + timedelta(hours=place))
            opened = start + timedelta(minutes=dice.randrange(0, 2 * DAY))
            ticket = Ticket(kind, 1000 + 10 * place + number, 10 * place + number, opened)
            if kind == "second brand on chat":
                ticket.channel = "chat"
            story(ticket, dice)
            found.append(ticket)
    return found
