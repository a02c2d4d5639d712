"""The events that can happen to a person: one handler for each kind of agenda entry.

>>> sorted(HANDLERS)[:3]
['archive', 'arrive', 'bill']
"""

from typing import Any

from rapport_sandbox import crm, newsletter, shop, support_desk, surveys, web
from rapport_sandbox.clock import DAY
from rapport_sandbox.life import Life


def _arrive(life: Life, moment: int, _: Any) -> None:
    """A new person arrives: create their records and put their first events on the agenda."""
    person, since = life.person, max(moment, life.since)
    life.state["since"] = moment
    if person.kind in ("account", "visitor") or life.chance(0.25):
        life.later(life.daytime(since + life.wait(person.pace / 2)), "visit")
    if person.kind == "visitor":
        return
    if person.kind == "account":
        shop.open_account(life, moment)
    if person.in_crm:
        crm.add_contact(life, moment)
    if person.in_desk:
        if person.kind == "helped" or life.chance(0.5):
            support_desk.add_user(life, moment)
        life.later(since + life.wait(55), "ticket")
    if person.in_crm or person.kind == "account":
        life.later(since + life.wait(80), "survey", {"form": "NpsQ1abc"})
        life.later(since + life.wait(420), "change")
    if life.chance(0.03):
        life.later(since + int(life.dice.random() * 180 * DAY), "erase")


def _erase(life: Life, moment: int, _: Any) -> None:
    """A person asks to be erased: remove their records and clear their agenda."""
    crm.forget(life, moment)
    support_desk.forget(life, moment)
    life.state["erased"] = True
    life.heap.clear()


HANDLERS = {
    "arrive": _arrive,
    "erase": _erase,
    **crm.HANDLERS,
    **support_desk.HANDLERS,
    **newsletter.HANDLERS,
    **shop.HANDLERS,
    **surveys.HANDLERS,
    **web.HANDLERS,
}
