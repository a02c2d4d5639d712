"""The life of one person between two points in time: an agenda of events that happen to them.

History and new days run the same code. `live` handles the events up to the end of the day and
stores the rest, so the cost of a day depends only on its events.

>>> life.later(life.daytime(moment), "visit")  # doctest: +SKIP
>>> life.live(HANDLERS)  # doctest: +SKIP
"""

import heapq
import random
from collections.abc import Callable, Mapping
from typing import Any

from rapport_sandbox import names
from rapport_sandbox.clock import DAY, HOUR, MINUTE
from rapport_sandbox.person import Person
from rapport_sandbox.store import Batch, Json, encode

PLACEHOLDER_PHONES = ("0000000000", "n/a", "123456", "null")
PLACEHOLDER_EMAILS = ("test@test.com", "noreply@example.com", "null", "none@example.com")
NOTATIONS = ("e164", "spaced", "zero", "double_zero", "local", "dashed")


class Life:
    """One person with their `state`, random generator (`dice`) and the batch of the day.

    `state` holds only what cannot be derived from the person: counters, the address in use, the
    subscription. `since` and `until` are milliseconds.
    """

    def __init__(
        self, person: Person, state: Json, batch: Batch, dice: random.Random, since: int, until: int
    ) -> None:
        self.person = person
        self.state = state
        self.batch = batch
        self.dice = dice
        self.since = since
        self.until = until
        self.heap: list[tuple[int, int, str, Any]] = []
        self.order = 0
        self.orders: dict[str, list[Any]] = {}
        self.subscription: Json | None = None

    def later(self, moment: int, kind: str, data: Any = None) -> None:
        self.order += 1
        heapq.heappush(self.heap, (moment, self.order, kind, data))

    def live(self, handlers: "Mapping[str, Handler]") -> None:
        """Handle the agenda entries before `until`, and store the rest in the batch."""
        while self.heap and self.heap[0][0] < self.until:
            moment, _, kind, data = heapq.heappop(self.heap)
            handlers[kind](self, moment, data)
        for row in self.orders.values():
            self.batch.row("orders", row)
        if self.subscription is not None:
            self.batch.row("subscriptions", self.subscription)
        number = self.person.number
        self.batch.agenda.extend(
            (due, number, kind, encode(data)) for due, _, kind, data in sorted(self.heap)
        )
        self.batch.people.append((number, encode(self.state)))

    def count(self, what: str) -> int:
        """The next number in one of the person's series, such as orders, tickets or events."""
        self.state[what] = self.state.get(what, 0) + 1
        return int(self.state[what])

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def wait(self, mean_days: float) -> int:
        return int(self.dice.expovariate(1 / mean_days) * DAY)

    def daytime(self, moment: int) -> int:
        """A random time on the same day between 06:00 and 22:00 UTC, but after `moment`."""
        then = moment - moment % DAY + 6 * HOUR + int(self.dice.random() * 16 * HOUR)
        return then if then > moment else moment + int(self.dice.random() * 2 * HOUR) + MINUTE

    def truth(self, profile_id: str, note: str = "exact") -> None:
        self.batch.truth.append((profile_id, self.person.key, note))

    def email(self) -> str:
        """The current private address, which some people change."""
        return str(self.state.get("email") or self.person.email)

    def phone(self) -> str:
        """The current mobile number in a random notation."""
        national = self.state.get("mobile") or self.person.mobile
        return names.write_phone(self.person.country, national, self.dice.choice(NOTATIONS))

    def spelling(self, email: str) -> str:
        """An address as people type it: mostly in lower case, sometimes in capitals."""
        draw = self.dice.random()
        return email.title() if draw < 0.06 else email.upper() if draw < 0.08 else email

    def written_name(self, in_desk: bool) -> tuple[str, str]:
        """First and last name as one system has them, perhaps in Latin letters or with a typo."""
        person = self.person
        if person.language == "ru" and in_desk != (person.number % 2 == 0):
            first, last = person.latin_first, person.latin_last
        else:
            first, last = person.first, person.last
        if self.chance(0.08):
            last = names.misspell(self.dice, last)
        if self.chance(0.03):
            first = names.misspell(self.dice, first)
        return first, last


Handler = Callable[[Life, int, Any], None]
