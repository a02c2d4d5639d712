"""Events in the invented shop and its billing: accounts, orders, plans, payments and consents.

>>> PERIOD // DAY
30
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from rapport_sandbox import crm, names, newsletter
from rapport_sandbox.catalogue import PLANS, PRODUCTS
from rapport_sandbox.clock import DAY, MINUTE, SECOND, iso
from rapport_sandbox.home import birth_date_of, home_of
from rapport_sandbox.store import Json, as_text
from rapport_sandbox.web_events import note

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

PERIOD = 30 * DAY
PLAN_ORDER = tuple(PLANS)
FAILURES = ("card_expired", "insufficient_funds", "do_not_honor")
PURPOSES = (("email", "marketing", 0.68), ("email", "feedback", 0.85), ("sms", "marketing", 0.12))


def open_account(life: Life, moment: int) -> None:
    """Open a shop account: the customer's row, their consents, and perhaps a plan."""
    person, dice = life.person, life.dice
    if person.family_phone is not None and life.chance(0.5):
        phone = names.write_phone(person.country, person.family_phone, "e164")
    elif life.chance(0.03):
        phone = dice.choice(("0000000000", "n/a", "123456"))
    else:
        phone = life.phone() if life.chance(0.8) else ""
    name = " ".join(life.written_name(in_desk=True))
    email = life.spelling(person.email)
    row = [person.user_id, email, phone, name, person.country, iso(moment), *_home(life)]
    life.batch.row("customers", row)
    life.truth(f"files:shop:{person.user_id}")
    for channel, purpose, share in PURPOSES:
        draw = dice.random()
        if draw < share + 0.1:
            give_consent(life, moment, channel, purpose, draw < share)
    if life.chance(0.42):
        began = moment + life.wait(6)
        life.later(began, "subscribe") if began >= life.since else _subscribe(life, began, None)
    if moment < life.since:
        _write_messaging_contact(life, moment)
    else:
        life.state["is_new"] = True


def _home(life: Life) -> list[str]:
    """Birth date as a German shop writes it, street, postal code, town and region."""
    born, home = birth_date_of(life.person, "shop"), home_of(life.person, "shop")
    day = ".".join(reversed(born.split("-"))) if born else ""
    city = life.person.city if home.street else ""
    return [day, home.street or "", home.postal_code or "", city, home.region or ""]


def give_consent(life: Life, moment: int, channel: str, purpose: str, granted: bool) -> None:
    person, count = life.person, life.count("consents")
    known = person.user_id if person.kind == "account" else ""
    email = life.email()
    status = "granted" if granted else "withdrawn"
    policy = "2025-05" if moment < life.since else "2026-01"
    event_id = f"c_{person.number:07d}_{count}"
    row = [event_id, email, known, channel, purpose, status, iso(moment), policy]
    life.batch.row("consents", row)
    life.truth(f"files:consent:{known or email.lower()}")
    if (channel, purpose) != ("email", "marketing"):
        return
    life.state["is_out"] = not granted
    crm.update_contact(life, moment, hs_email_optout="false" if granted else "true")
    newsletter.subscribe(life, moment) if granted else newsletter.unsubscribe(life, moment)
    if granted and life.chance(0.2):
        life.later(max(moment, life.since) + life.wait(120), "withdraw")


def place_order(life: Life, moment: int, product_id: str, quantity: int) -> None:
    product = PRODUCTS[product_id]
    order_id = f"o_{life.person.number:07d}_{life.count('orders')}"
    status = "pending" if life.chance(0.04) else "paid"
    row = [order_id, life.person.user_id, iso(moment), f"{product.price * quantity:.2f}", "EUR",
           str(quantity), product_id, product.category, status]  # fmt: skip
    life.orders[order_id] = row
    if status == "pending":
        life.later(moment + life.wait(0.7), "settle", {"row": row, "status": "paid"})
    elif life.chance(0.04):
        life.later(moment + life.wait(8), "settle", {"row": row, "status": "refunded"})
    elif life.chance(0.02):
        life.later(moment + life.wait(0.5), "settle", {"row": row, "status": "cancelled"})
    if life.chance(0.3):
        life.later(moment + life.wait(3) + DAY, "survey", {"form": "CsatO2de"})
    crm.update_contact(life, moment + MINUTE, lifecyclestage="customer")


def _settle(life: Life, moment: int, data: Json) -> None:
    """Write the order's row again with its new status."""
    row = [*data["row"][:-1], data["status"]]
    life.orders[row[0]] = row


def _subscribe(life: Life, moment: int, _: Any) -> None:
    """A plan begins. If it began before the history, it has been paid so far."""
    plan = PLAN_ORDER[int(life.dice.random() * 2.2)]
    subscription: Json = {
        "subscription_id": f"s_{life.person.number:07d}",
        "customer_id": life.person.user_id,
        "plan": plan,
        "status": "active",
        "started_at": iso(moment),
        "cancelled_at": None,
        "renews_at": None,
        "amount": PLANS[plan],
        "currency": "EUR",
        "updated_at": iso(moment),
    }
    life.state["plan"] = subscription
    life.state["fails"] = 0
    if moment < life.since:
        ended = moment + life.wait(500)
        if ended < life.since:
            _end(life, ended)
            return
        due = moment + -(-(life.since - moment) // PERIOD) * PERIOD
    elif life.chance(0.4):
        subscription["status"] = "trialing"
        due = moment + 14 * DAY
    else:
        due = moment
    _save(life, moment, renews_at=iso(due))
    life.later(due, "bill")
    life.later(max(moment, life.since) + life.wait(320), "leave")
    if not life.person.is_watching_prices and plan != PLAN_ORDER[-1]:
        life.later(max(moment, life.since) + life.wait(300), "upgrade")


def _bill(life: Life, moment: int, _: Any) -> None:
    """Charge a month. Three failed payments in a row end the plan."""
    plan = life.state["plan"]
    if plan["status"] == "cancelled":
        return
    if life.chance(0.07 if not life.state["fails"] else 0.5):
        life.state["fails"] += 1
        _pay(life, moment, "failed", life.dice.choice(FAILURES))
        if life.state["fails"] >= 3:
            _end(life, moment)
            return
        _save(life, moment, status="past_due")
        life.later(moment + 3 * DAY, "bill")
        return
    life.state["fails"] = 0
    id = _pay(life, moment, "succeeded", None)
    if life.chance(0.01):
        life.later(moment + life.wait(5), "refund", {"id": id, "amount": plan["amount"]})
    _save(life, moment, status="active", renews_at=iso(moment + PERIOD))
    life.later(moment + PERIOD, "bill")


def _refund(life: Life, moment: int, data: Json) -> None:
    """Refund a payment with a row of its own, so that earlier files never change."""
    _pay(life, moment, "refunded", None, data["amount"])


def _leave(life: Life, moment: int, _: Any) -> None:
    if life.state["plan"]["status"] != "cancelled":
        _end(life, moment)


def _upgrade(life: Life, moment: int, _: Any) -> None:
    plan = life.state["plan"]
    if plan["status"] == "cancelled":
        return
    better = PLAN_ORDER[min(PLAN_ORDER.index(plan["plan"]) + 1, len(PLAN_ORDER) - 1)]
    _save(life, moment, plan=better, amount=PLANS[better])
    note(life, moment, "plan_upgrade", "/account/plan")


def _withdraw(life: Life, moment: int, _: Any) -> None:
    give_consent(life, moment, "email", "marketing", granted=False)


def _end(life: Life, moment: int) -> None:
    _save(life, moment, status="cancelled", cancelled_at=iso(moment), renews_at=None)


def _save(life: Life, moment: int, **values: Any) -> None:
    life.state["plan"].update(values, updated_at=iso(moment))
    life.subscription = dict(life.state["plan"])


def _pay(
    life: Life, moment: int, status: str, reason: str | None, amount: float | None = None
) -> str:
    plan = life.state["plan"]
    payment_id = f"y_{life.person.number:07d}_{life.count('payments')}"
    life.batch.row(
        "payments",
        {
            "payment_id": payment_id,
            "subscription_id": plan["subscription_id"],
            "customer_id": life.person.user_id,
            "status": status,
            "amount": amount if amount is not None else plan["amount"],
            "currency": "EUR",
            "attempted_at": iso(moment),
            "failure_reason": reason,
        },
    )
    return payment_id


def _write_messaging_contact(life: Life, moment: int) -> None:
    """Add some people to the messaging tool before the first run. Some have opted out."""
    if not life.chance(0.08):
        return
    email = life.spelling(life.person.email)
    id = hashlib.blake2b(f"intercom/{email.lower()}".encode(), digest_size=12).hexdigest()
    name = f"{life.person.first} {life.person.last}"
    body = as_text({"name": name, "phone": None, "role": "user", "custom_attributes": {}})
    second = moment // SECOND
    life.batch.messaging.append((id, None, email, second, second, int(life.chance(0.15)), body))


HANDLERS = {
    "subscribe": _subscribe,
    "bill": _bill,
    "refund": _refund,
    "leave": _leave,
    "upgrade": _upgrade,
    "withdraw": _withdraw,
    "settle": _settle,
}
