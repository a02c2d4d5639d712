"""Events on the invented website: visits before and after the login, carts and purchases.

>>> sorted(BY_CATEGORY) == CATEGORIES
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapport_sandbox import shop
from rapport_sandbox.catalogue import CATEGORIES, PRODUCT_IDS, PRODUCTS
from rapport_sandbox.clock import HOUR
from rapport_sandbox.web_events import Visit

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

PAGES = ("/", "/blog/brewing", "/help", "/about", "/account/plan")
BY_CATEGORY = {c: [id for id in PRODUCT_IDS if PRODUCTS[id].category == c] for c in CATEGORIES}


def _visit(life: Life, moment: int, _: Any) -> None:
    person, dice = life.person, life.dice
    visits = life.count("visits")
    pace = person.pace * (1.25 ** min(visits, 12) if person.number % 7 == 0 else 1)
    life.later(life.daytime(moment + HOUR + life.wait(pace)), "visit")
    device, never_known = _device(life)
    has_login = person.kind == "account" and not never_known
    starts_known = has_login and not life.state.get("is_new") and life.chance(0.6)
    visit = Visit(life, moment, device, starts_known and device != person.office_device)
    visit.event("page_view", dice.choice(PAGES))
    if has_login and not visit.is_known:
        if life.chance(0.5):
            visit.event("page_view", "/")
        if life.chance(0.85) or life.state.get("is_new"):
            visit.is_known = True
            visit.event("sign_up" if life.state.pop("is_new", False) else "login", "/login")
    if life.chance(0.85 if person.is_watching_prices else 0.06):
        visit.event("page_view", "/pricing")
    _browse(life, visit)


def _browse(life: Life, visit: Visit) -> None:
    """Browse products, and perhaps buy one. A third of the carts is abandoned."""
    dice = life.dice
    product = None
    for _ in range(int(dice.expovariate(0.55))):
        if life.chance(0.12):
            visit.event("search", dice.choice(CATEGORIES))
        else:
            category = life.person.favourite if life.chance(0.6) else dice.choice(CATEGORIES)
            product = dice.choice(BY_CATEGORY[category])
            visit.event("product_view", product)
    if product is None or not life.chance(0.4):
        return
    visit.event("add_to_cart", product)
    if life.chance(0.7):
        visit.event("checkout_started", product)
        if visit.is_known and life.chance(0.8):
            visit.event("purchase", product)
            shop.place_order(life, visit.moment, product, 1 + int(dice.expovariate(1.2)))


def _device(life: Life) -> tuple[str, bool]:
    """The device of this visit, and whether the person never logs in on it."""
    person = life.person
    if person.office_device is not None and life.chance(0.4):
        return person.office_device, False
    if person.second_device is not None and life.chance(0.25):
        return person.second_device, person.number % 8 == 0
    return person.device, False


HANDLERS = {"visit": _visit}
