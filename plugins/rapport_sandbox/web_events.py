"""Records the events of the invented website, as sessions on devices.

>>> EVENT_NUMBER["page_view"]
0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapport_sandbox.catalogue import EVENTS
from rapport_sandbox.clock import HOUR, SECOND

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

EVENT_NUMBER = {name: number for number, name in enumerate(EVENTS)}


class Visit:
    """One session on one device. `is_known` becomes true with the login."""

    def __init__(self, life: Life, moment: int, device: str, is_known: bool) -> None:
        dice = life.dice
        self.life, self.device, self.is_known = life, device, is_known
        self.session = self.moment = moment
        self.campaign = int(dice.random() * 4.99) if dice.random() < 0.45 else 0
        self.delay = int(dice.random() * 40 * HOUR) if dice.random() < 0.02 else 4 * SECOND

    def event(self, name: str, what: str | None = None) -> None:
        life = self.life
        self.moment += 4 * SECOND + int(life.dice.random() * 90 * SECOND)
        number = life.person.number
        life.batch.events.append(
            (
                (number << 20) + life.count("events"),
                (self.moment + self.delay) // SECOND,
                self.moment,
                number,
                self.device,
                int(self.is_known),
                life.person.country,
                EVENT_NUMBER[name],
                what,
                self.session,
                self.campaign,
            )
        )
        if self.is_known:
            if "on_web" not in life.state:
                life.state["on_web"] = True
                life.truth(f"amplitude:users:{life.person.user_id}")
            return
        seen = life.state.setdefault("devices", [])
        if self.device not in seen:
            seen.append(self.device)
            _add_device_truth(life, self.device)


def note(life: Life, moment: int, name: str, what: str) -> None:
    """Record a single event of a person who is logged in."""
    Visit(life, moment, life.person.device, is_known=True).event(name, what)


def _add_device_truth(life: Life, device: str) -> None:
    if device == life.person.office_device:
        life.batch.truth.append((f"amplitude:devices:{device}", f"shared-{device}", "shared"))
    else:
        lonely = life.person.kind != "account" or (
            device == life.person.second_device and life.person.number % 8 == 0
        )
        life.truth(f"amplitude:devices:{device}", "anonymous" if lonely else "exact")
