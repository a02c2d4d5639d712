"""What Zendesk's definitions say about a ticket, by walking through what happened to it.

- First reply: from the opening to the first public comment of an agent; a comment with which an
  agent opens the ticket is none, nor is one of an automation.
- Full resolution: from the opening to the latest change to solved; if an unsolved ticket is closed
  by a rule, to its closing. https://support.zendesk.com/hc/en-us/articles/4408834848154
- Reopening: from solved to any status before it.
- One-touch: solved or closed with less than two public replies of agents.
  https://support.zendesk.com/hc/en-us/articles/4408820618266

>>> expected(tickets()[0]).reopens
0
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from .desk import AGENTS, AS_OF, COLLEAGUE, PURGED_COLLEAGUE, Action, Ticket, tickets

ZONE = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOLIDAYS = {date(2026, 4, 3), date(2026, 4, 6)}
# The schedules of the desk, by weekday; they are none of the seeds'.
OFFICE = {1: (8, 16), 2: (8, 16), 3: (8, 16), 4: (8, 16), 5: (8, 12)}
CHAT = {**dict.fromkeys(range(1, 6), (11, 24)), 7: (10, 16)}
# The SLA policies that were applied last: minutes to a first reply, in business minutes or not.
TARGETS = {
    "answered and solved": (600, True), "internal first reply": (120, False),
    "never answered": (60, False), "silent solve": (6000, True),
}  # fmt: skip


@dataclass
class Figures:
    """Figures of a ticket; minutes are NULL (None) for what did not happen until `AS_OF`."""

    is_outbound: bool
    replies: int = 0
    reopens: int = 0
    first_reply: int | None = None
    resolution: int | None = None
    follow_ups: int = 0
    answered_follow_ups: int = 0


def side(ticket: Ticket, action: Action) -> str | None:
    """Whose comment it is; None for somebody of whom nothing is known."""
    if action.by_rule:
        return "machine"
    if action.who == ticket.requester or action.who == COLLEAGUE:
        return "customer"
    if action.who == PURGED_COLLEAGUE:
        return None
    return "agent" if action.who in AGENTS else None


def minutes(ticket: Ticket, moment: datetime) -> int:
    """Whole calendar minutes since the opening."""
    return int((moment - ticket.opened).total_seconds()) // 60


def expected(ticket: Ticket) -> Figures:
    """The figures of one ticket."""
    first = ticket.actions[0]
    figures = Figures(is_outbound=side(ticket, first) == "agent")
    status: str | None = None
    before: str | None = None  # whose public comment came last
    waits = 0
    for place, action in enumerate(ticket.actions):
        if action.status in ("solved", "closed"):
            if action.status == "solved" or status != "solved":
                figures.resolution = minutes(ticket, action.at)
        elif action.status and status in ("solved", "closed"):
            figures.reopens += 1
        status = action.status or status
        who = side(ticket, action) if action.public else None
        if who == "agent" and place > 0 and action.at <= AS_OF:
            figures.replies += 1
            if figures.first_reply is None:
                figures.first_reply = minutes(ticket, action.at)
        if who == "agent":
            figures.answered_follow_ups += waits
            waits = 0
        if who == "customer" and before == "agent":
            figures.follow_ups += 1
            waits += 1
        before = who if who in ("agent", "customer") else before
    if figures.resolution is not None and minutes(ticket, AS_OF) < figures.resolution:
        figures.resolution = None
    return figures


def _open_minutes(hours: dict[int, tuple[int, int]]) -> list[int]:
    """For each minute since `BEGIN`, how many minutes were open before it: minute by minute."""

    def is_open(number: int) -> bool:
        local = (BEGIN + timedelta(minutes=number)).astimezone(ZONE)
        opens, closes = hours.get(local.isoweekday(), (0, 0))
        return opens <= local.hour < closes and local.date() not in HOLIDAYS

    length = int((AS_OF - BEGIN).total_seconds() // 60) + 2
    return [0, *accumulate(is_open(number) for number in range(length))]


COUNTS = {"office": _open_minutes(OFFICE), "chat": _open_minutes(CHAT)}


def business_minutes(ticket: Ticket, calendar: int | None) -> int | None:
    """The minutes of those calendar minutes in which the desk of the ticket was open."""
    if calendar is None:
        return None
    start = int((ticket.opened - BEGIN).total_seconds()) // 60
    counts = COUNTS["chat" if ticket.channel == "chat" else "office"]
    return counts[start + calendar] - counts[start]


def is_late(ticket: Ticket) -> bool | None:
    """Whether the first reply took, or has taken so far, longer than its target."""
    if ticket.kind not in TARGETS:
        return None
    target, in_business = TARGETS[ticket.kind]
    taken = EXPECTED[str(ticket.id)].first_reply
    if taken is None and ticket.status in ("solved", "closed"):
        return None
    waited = minutes(ticket, AS_OF) if taken is None else taken
    counted = business_minutes(ticket, waited) if in_business else waited
    assert counted is not None
    return counted > target if taken is not None or counted > target else None


EXPECTED = {str(ticket.id): expected(ticket) for ticket in tickets()}
