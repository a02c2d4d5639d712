"""A double of Shopify's GraphQL: customers and orders.

Shapes after https://shopify.dev/docs/api/admin-graphql. Refusals for cost and wrong queries come
with status 200; paging ends at 25,000 objects without a word.

>>> conditions("updated_at:>='2026-03-31T00:00:00Z'")
('updated >= ?', [1774915200000])
"""

import hmac
import random
import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import FUTURE, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.catalogue import PRODUCT_IDS, PRODUCTS
from rapport_sandbox.clock import DAY, HOUR, parse_iso, seconds_iso
from rapport_sandbox.home import home_of
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, decode, encode

VENDOR = "shopify"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-shopify", "extra": {}}
LIMITS = [("*", 10, 1.0)]
STREAMS = ["shopify_customers", "shopify_orders"]
# Paths at which no record of this double names a person, by stream, and why.
CEILING = 25_000
COST = {"requestedQueryCost": 502, "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 12,
                           "restoreRate": 100.0}}  # fmt: skip


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    if status == 401:
        body: Json = {"errors": "[API] Invalid API key or access token (unrecognized login)"}
    elif status == 429:
        body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                "extensions": {"cost": COST}}  # fmt: skip
    else:
        body = {"errors": message or "Something is wrong"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def is_allowed(request: Request) -> bool:
    given = request.headers.get("x-shopify-access-token", "")
    return hmac.compare_digest(given.encode(), LOGIN["password"].encode())


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Some people also buy in the second shop: a guest or a customer, some orders."""
    if person.kind not in ("account", "lead") or dice.random() > 0.3:
        return
    id = 4_000_000_000 + person.number
    customer = _customer(person, id, arrival, dice)
    moment = arrival
    yield _change("customers", "Customer", id, moment, customer)
    for number in range(int(dice.random() * 5)):
        moment += int((1 + dice.random() * 80) * DAY)
        order = _order(person, id, number, moment, dice)
        yield _change("orders", "Order", id * 100 + number, moment, order)
        customer = {**customer, "numberOfOrders": str(number + 1)}
        yield _change("customers", "Customer", id, moment, customer)
        if dice.random() < 0.1:
            back = {**order, "displayFinancialStatus": "REFUNDED"}
            yield _change("orders", "Order", id * 100 + number, moment + 5 * DAY, back)
        elif dice.random() < 0.05:
            dead = {**order, "cancelledAt": seconds_iso(moment + HOUR),
                    "displayFinancialStatus": "VOIDED"}  # fmt: skip
            yield _change("orders", "Order", id * 100 + number, moment + HOUR, dead)
    if dice.random() < 0.03:
        yield Change(moment + 9 * DAY, "shopify_customers", id, None)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {name.partition("_")[2]: total(request, name) for name in STREAMS}


router = APIRouter(
    prefix="/shopify",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed)), Depends(projected)],
)


@router.post("/admin/api/{version}/graphql.json")
async def graphql(request: Request, version: str) -> Response:
    body = decode(await request.body())
    query, variables = body.get("query", ""), body.get("variables") or {}
    asked = re.search(r"\b(customers|orders)\(", query)
    if not re.fullmatch(r"20\d\d-(01|04|07|10)", version) or asked is None:
        return _errors(request, "undefinedField", "Field doesn't exist on type 'QueryRoot'")
    gate = gate_of(request)
    if gate.limits.option(VENDOR, "throttled", 0):
        gate.limits.options[VENDOR]["throttled"] -= 1
        return _errors(request, "THROTTLED", "Throttled")
    first = int(variables.get("first", 0))
    if not 1 <= first <= 250:
        return _errors(request, "BAD_REQUEST", "first must be between 1 and 250")
    try:
        where, values = conditions(variables.get("query") or "")
    except ValueError as error:
        return _errors(request, "BAD_REQUEST", str(error))
    after = int(variables.get("after") or 0)
    ceiling = gate.limits.option(VENDOR, "ceiling", CEILING)
    order = "id" if "sortKey: ID" in query else "updated, id"
    rows, more = page(request, f"shopify_{asked[1]}", where=where, values=values, order=order,
                      limit=min(first, max(ceiling - after, 0)), offset=after)  # fmt: skip
    nodes = [{"id": item["id"]} if "nodes { id }" in query else item for _, _, item in rows]
    if meets(request, "far_future_cursor") and nodes:
        nodes[0] = {**nodes[0], "updatedAt": FUTURE}
    end = str(after + len(rows)) if rows else None
    if meets(request, "repeat_token") and after:
        end, more = str(after), True
    has_more = more and after + len(rows) < ceiling
    data = {asked[1]: {"nodes": nodes, "pageInfo": {"hasNextPage": has_more, "endCursor": end}}}
    return reply(request, {"data": data, "extensions": {"cost": COST}})


def conditions(query: str) -> tuple[str, list[Any]]:
    """(where, values) of a search. Raises ValueError for what this double does not know."""
    if not query:
        return "true", []
    if found := re.fullmatch(r"updated_at:>='([^']+)'", query):
        return "updated >= ?", [parse_iso(found[1])]
    if found := re.fullmatch(r"id:>(\d+)", query):
        return "id > ?", [int(found[1])]
    raise ValueError(f"unknown filter: {query}")


def _errors(request: Request, code: str, message: str) -> Response:
    errors = [{"message": message, "extensions": {"code": code}}]
    return reply(request, {"errors": errors, "extensions": {"cost": COST}})


def _change(stream: str, kind: str, id: int, moment: int, body: Json) -> Change:
    whole = {"id": f"gid://shopify/{kind}/{id}", **body, "updatedAt": seconds_iso(moment)}
    return Change(moment // 1000 * 1000, f"shopify_{stream}", id, whole)


def _customer(person: Person, id: int, moment: int, dice: random.Random) -> Json:
    state = dice.choice(("SUBSCRIBED", "NOT_SUBSCRIBED", "UNSUBSCRIBED"))
    email = {
        "emailAddress": person.email,
        "marketingState": state,
        "marketingUpdatedAt": seconds_iso(moment) if state != "NOT_SUBSCRIBED" else None,
    }
    home = home_of(person, VENDOR)
    address = {
        "address1": home.street,
        "zip": home.postal_code,
        "city": person.city,
        "province": home.region,
        "countryCodeV2": person.country,
        "company": None,
    }
    phone = {"phoneNumber": f"+{person.mobile}"} if dice.random() < 0.4 else None
    return {
        "createdAt": seconds_iso(moment),
        "firstName": person.first,
        "lastName": person.last,
        "locale": person.language,
        "numberOfOrders": "0",
        "state": "ENABLED",
        "tags": [],
        "defaultEmailAddress": email if dice.random() < 0.95 or phone is None else None,
        "defaultPhoneNumber": phone,
        "defaultAddress": address,
    }


def _order(person: Person, id: int, number: int, moment: int, dice: random.Random) -> Json:
    product = dice.choice(PRODUCT_IDS)
    quantity = 1 + int(dice.random() * 3)
    money = {"amount": f"{PRODUCTS[product].price * quantity:.2f}", "currencyCode": "EUR"}
    line = {"quantity": quantity, "title": PRODUCTS[product].name,
            "product": {"id": f"gid://shopify/Product/{product[2:]}",
                        "productType": PRODUCTS[product].category}}  # fmt: skip
    return {
        "name": f"#{id % 100_000}{number}",
        "createdAt": seconds_iso(moment),
        "processedAt": seconds_iso(moment),
        "cancelledAt": None,
        "displayFinancialStatus": "PAID",
        "currencyCode": "EUR",
        "currentTotalPriceSet": {"shopMoney": money},
        "totalPriceSet": {"shopMoney": money},
        "customer": {"id": f"gid://shopify/Customer/{id}"} if dice.random() < 0.95 else None,
        "lineItems": {"nodes": [line]},
    }
