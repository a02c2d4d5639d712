"""A double of Stripe's lists, objects and events.

Shapes after https://docs.stripe.com/api. Lists come newest first and know no filter for changes;
events are kept for 30 days; a deleted customer answers {id, deleted}.

>>> amount(19.9)
1990
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.catalogue import PLANS
from rapport_sandbox.clock import DAY, HOUR, MINUTE, SECOND
from rapport_sandbox.home import home_of
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "stripe"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-stripe", "extra": {}}
LIMITS = [("*", 100, 1.0)]
KINDS = ("customers", "subscriptions", "invoices", "charges")
STREAMS = [f"stripe_{kind}" for kind in (*KINDS, "events")]
KEPT = 30 * DAY
PERIOD = 30 * DAY


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    error: Json = {"type": "invalid_request_error", "message": message or "Something is wrong."}
    if status == 401:
        error["message"] = "Invalid API Key provided: ***"
        error["code"] = "api_key_expired" if code else None
    elif status == 429:
        error = {"type": "api_error", "code": "rate_limit", "message": "Too many requests."}
    elif status >= 500:
        error["type"] = "api_error"
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"error": error}), status, headers, "application/json")


def amount(money: float) -> int:
    """In the currency's smallest unit."""
    return round(money * 100)


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Some of the shop's people pay by card: a plan, an invoice and a charge a month."""
    if person.kind != "account" or dice.random() > 0.4:
        return
    customer = _customer(person, arrival, dice.random() < 0.8)
    yield from _noted("customers", "customer.created", arrival, customer)
    if dice.random() < 0.3:
        moved = arrival + int(dice.random() * 300 * DAY)
        customer = {**customer, "phone": f"+{person.mobile}"}
        yield from _noted("customers", "customer.updated", moved, customer)
    plan = dice.choice(list(PLANS))
    began = arrival + int((1 + dice.random() * 20) * DAY)
    ends = began + int(dice.random() * 900 * DAY)
    subscription = _subscription(person, plan, began)
    yield from _noted("subscriptions", "customer.subscription.created", began, subscription)
    due, number = began + HOUR, 0
    while due < min(ends, until):
        number += 1
        failed = dice.random() < 0.06
        invoice, charge = _bill(person, plan, due, number, failed)
        yield from _noted(
            "invoices", "invoice.created", due - MINUTE, {**invoice, "status": "open"}
        )
        yield from _noted("charges", f"charge.{charge['status']}", due, charge)
        yield from _noted("invoices", "invoice.updated", due + SECOND, invoice)
        if not failed and dice.random() < 0.02:
            back = {**charge, "refunded": True, "amount_refunded": charge["amount"]}
            yield from _noted("charges", "charge.refunded", due + 3 * DAY, back)
        renewed = {**subscription, "status": "past_due" if failed else "active",
                   "current_period_end": (due + PERIOD) // SECOND}  # fmt: skip
        yield from _noted("subscriptions", "customer.subscription.updated", due + MINUTE, renewed)
        subscription, due = renewed, due + PERIOD
    ended = {**subscription, "status": "canceled", "canceled_at": ends // SECOND,
             "ended_at": ends // SECOND}  # fmt: skip
    yield from _noted("subscriptions", "customer.subscription.deleted", ends, ended)
    if dice.random() < 0.1:
        gone = {"id": customer["id"], "object": "customer", "deleted": True}
        yield from _noted("customers", "customer.deleted", ends + DAY, gone)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream; a list shows nobody who is deleted."""
    await projected(request)
    live = "json_extract(body, '$.deleted') is null"
    return {kind: total(request, f"stripe_{kind}", live) for kind in KINDS}


router = APIRouter(
    prefix="/stripe",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)


@router.get("/v1/events")
async def list_events(request: Request) -> Response:
    wanted = request.query_params.get("type", "*")
    prefix = wanted.removesuffix("*") + ("%" if wanted.endswith("*") else "")
    kept = gate_of(request).as_of - KEPT
    where = "updated >= ? and json_extract(body, '$.type') like ?"
    return _list(request, "events", where, [kept, prefix])


@router.get("/v1/{kind}")
async def list_objects(request: Request, kind: str) -> Response:
    where = "json_extract(body, '$.deleted') is null"
    if kind == "subscriptions" and request.query_params.get("status") != "all":
        where += " and json_extract(body, '$.status') <> 'canceled'"
    return _list(request, _known(kind), where, [])


@router.get("/v1/{kind}/{id}")
async def read_object(request: Request, kind: str, id: str) -> Response:
    rows, _ = page(request, f"stripe_{_known(kind)}", where="id = ?", values=[id], limit=1)
    if not rows:
        raise Refused(refusal(404, f"No such {kind.removesuffix('s')}: '{id}'"))
    return reply(request, rows[0][2])


def _list(request: Request, kind: str, where: str, values: list[Any]) -> Response:
    query, stream = request.query_params, f"stripe_{kind}"
    try:
        limit = int(query.get("limit", 10))
    except ValueError:
        limit = 0
    if not 1 <= limit <= 100:
        raise Refused(refusal(400, "limit must be between 1 and 100"))
    if "created[gte]" in query:
        where, values = f"{where} and created >= ?", [*values, int(query["created[gte]"]) * SECOND]
    after = query.get("starting_after")
    if after is not None:
        sign = "<=" if meets(request, "shift_page") else "<"
        sql = f"select created, id from {stream} where id = ?"
        place = gate_of(request).database.execute(sql, (after,)).fetchone()
        if place is None:
            raise Refused(refusal(400, f"No such object: '{after}'"))
        where, values = f"{where} and (created, id) {sign} (?, ?)", [*values, *place]
    rows, more = page(request, stream, where=where, values=values,
                      order="created desc, id desc", limit=limit)  # fmt: skip
    data = [body for _, _, body in rows]
    if meets(request, "repeat_token") and after is not None and data:
        data[-1], more = {**data[-1], "id": after}, True
    answer = {"object": "list", "url": f"/v1/{kind}", "has_more": more, "data": data}
    return reply(request, answer)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise Refused(refusal(404, f"Unrecognized request URL (GET: /v1/{kind})"))
    return kind


def _noted(kind: str, event: str, moment: int, body: Json) -> Iterator[Change]:
    """The object as it is from now on, and the event that tells it."""
    yield Change(moment, f"stripe_{kind}", body["id"], body)
    id = f"evt_{body['id']}_{moment // SECOND}_{event.rpartition('.')[2]}"
    told = {"id": id, "object": "event", "type": event, "created": moment // SECOND,
            "api_version": "2024-06-20", "livemode": False, "data": {"object": body}}  # fmt: skip
    yield Change(moment, "stripe_events", id, told)


def _customer(person: Person, moment: int, knows: bool) -> Json:
    home = home_of(person, VENDOR)
    return {
        "id": f"cus_{person.number:07d}",
        "object": "customer",
        "created": moment // SECOND,
        "email": person.email,
        "name": f"{person.first} {person.last}",
        "phone": None,
        "address": {
            "line1": home.street,
            "postal_code": home.postal_code,
            "city": person.city,
            "state": home.region,
            "country": person.country,
        },
        "currency": "eur",
        "delinquent": False,
        "metadata": {"user_id": person.user_id} if knows else {},
        "preferred_locales": [person.language],
    }


def _subscription(person: Person, plan: str, moment: int) -> Json:
    price = {"id": f"price_{plan}", "object": "price", "nickname": plan, "currency": "eur",
             "unit_amount": amount(PLANS[plan]), "recurring": {"interval": "month"}}  # fmt: skip
    return {
        "id": f"sub_{person.number:07d}",
        "object": "subscription",
        "created": moment // SECOND,
        "start_date": moment // SECOND,
        "customer": f"cus_{person.number:07d}",
        "status": "active",
        "currency": "eur",
        "canceled_at": None,
        "ended_at": None,
        "current_period_end": (moment + PERIOD) // SECOND,
        "items": {"object": "list", "data": [{"id": f"si_{person.number}", "quantity": 1,
                                              "price": price}]},
    }  # fmt: skip


def _bill(person: Person, plan: str, due: int, number: int, failed: bool) -> tuple[Json, Json]:
    id, money = f"{person.number:07d}_{number:03d}", amount(PLANS[plan])
    invoice = {"id": f"in_{id}", "object": "invoice", "created": (due - MINUTE) // SECOND,
               "customer": f"cus_{person.number:07d}", "customer_email": person.email,
               "subscription": f"sub_{person.number:07d}",
               "currency": "eur", "amount_due": money, "amount_paid": 0 if failed else money,
               "status": "open" if failed else "paid", "charge": f"ch_{id}"}  # fmt: skip
    charge = {"id": f"ch_{id}", "object": "charge", "created": due // SECOND, "amount": money,
              "amount_refunded": 0, "currency": "eur", "customer": f"cus_{person.number:07d}",
              "billing_details": {"email": person.email}, "receipt_email": person.email,
              "invoice": f"in_{id}", "status": "failed" if failed else "succeeded",
              "paid": not failed, "refunded": False,
              "failure_code": "card_declined" if failed else None}  # fmt: skip
    return invoice, charge
