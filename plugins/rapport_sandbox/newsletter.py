"""The newsletter of the invented shop: who receives it each month, and what they do with it.

It has its own random generator, so that it does not change any other event.

>>> PERIOD // DAY
30
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from rapport_sandbox.clock import DAY, HOUR, MINUTE, iso

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

PERIOD = 30 * DAY
BOUNCES, OPENS, OPENS_AGAIN, CLICKS = 0.02, 0.45, 0.2, 0.15


def subscribe(life: Life, moment: int) -> None:
    """Put the first letter on the agenda, on a random day of the following month."""
    since = max(moment, life.since)
    life.later(since + int(_dice(life, since).random() * PERIOD), "letter")


def unsubscribe(life: Life, moment: int) -> None:
    """Unsubscribe by the link in the last letter, if there was one."""
    if "letter" in life.state:
        _write_event(life, moment, "unsubscribe", *life.state["letter"])


def _send(life: Life, moment: int, _: Any) -> None:
    """A letter is delivered or bounces. Some people open it, perhaps twice, and a few click."""
    if life.state["is_out"]:
        return
    dice = _dice(life, moment)
    message_id = f"m_{life.person.number:07d}_{life.count('letters')}"
    letter = [message_id, f"news {iso(moment)[:7]}"]
    life.state["letter"] = letter
    life.later(moment + PERIOD, "letter")
    if dice.random() < BOUNCES:
        _write_event(life, moment + MINUTE, "bounce", *letter)
        return
    _write_event(life, moment, "delivered", *letter)
    if dice.random() < OPENS:
        opened = moment + MINUTE + int(dice.expovariate(1 / (8 * HOUR)))
        life.later(opened, "read", ["open", *letter])
        if dice.random() < OPENS_AGAIN:
            life.later(opened + int(dice.random() * DAY), "read", ["open", *letter])
        if dice.random() < CLICKS:
            life.later(opened + MINUTE, "read", ["click", *letter])


def _read(life: Life, moment: int, data: Any) -> None:
    _write_event(life, moment, *data)


def _write_event(life: Life, moment: int, event: str, message_id: str, campaign: str) -> None:
    """Add a line to the export of the newsletter tool."""
    event_id = f"{message_id}_{life.count('letter_events')}"
    row = [event_id, message_id, life.person.user_id, campaign, event, iso(moment)]
    life.batch.row("letters", row)


def _dice(life: Life, moment: int) -> random.Random:
    return random.Random(f"{life.person.key}/letter/{moment}")  # noqa: S311, invented people


HANDLERS = {"letter": _send, "read": _read}
