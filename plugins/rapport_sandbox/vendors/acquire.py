"""A double of Acquire: contacts, and cases with messages and feedbacks.

Shapes after https://developer.acquire.io/rest-apis/introduction/interrelated. The two lists have
different envelopes; `dateUpdated` is null until something changes, and a null is in no window; a
deleted contact is simply gone.

>>> condition("id|gt|7")
('id', '>', 7)
"""

import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.clock import DAY, HOUR, MINUTE, SECOND, iso, parse_iso
from rapport_sandbox.person import Person, company_domain, company_name
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "acquire"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-acquire", "extra": {}}
LIMITS: list[tuple[str, int, float]] = []
STREAMS = ("acquire_contacts", "acquire_cases")
OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
COLUMNS = ("id", "dateCreated", "dateUpdated")
TYPES = {400: "ERROR_INVALID_INPUT", 401: "ERROR_UNAUTHORIZED", 403: "ERROR_UNAUTHORIZED_ACCESS"}
ASKED = ("Hello, is anybody there?", "My order did not come", "Can I change the roast?")
SAID = ("Let me look it up for you.", "It is on its way.", "Done, anything else?")


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    error = {"type": TYPES.get(status, "ERROR_SERVER_ERROR"), "message": message or "refused"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"error": error}), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """A third of the people chat now and then; some contacts are later deleted."""
    if dice.random() > 0.33:
        return
    contact = _contact(person, arrival)
    yield Change(arrival, "acquire_contacts", person.number, contact)
    if dice.random() < 0.5:
        moment = arrival + int(dice.random() * 90 * DAY)
        fields = {**contact["fields"], "phone": f"+{person.mobile}"}
        contact = {**contact, "fields": fields, "dateUpdated": iso(moment)}
        yield Change(moment, "acquire_contacts", person.number, contact)
    began = arrival + int(dice.random() * 20 * DAY)
    for number in range(1, 2 + int(dice.random() * 3)):
        yield from _talk(person, dice, person.number * 10 + number, began)
        began += int((2 + dice.random() * 150) * DAY)
    if dice.random() < 0.05:
        gone = arrival + int(dice.random() * 200 * DAY) + 90 * DAY
        yield Change(gone, "acquire_contacts", person.number, None)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {name.partition("_")[2]: total(request, name) for name in STREAMS}


router = APIRouter(
    prefix="/acquire/api/v1/crm/objects",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)


@router.get("/contact")
async def contacts(request: Request) -> Response:
    return reply(request, {"data": {"list": _rows(request, "acquire_contacts")}})


@router.get("/case")
async def cases(request: Request) -> Response:
    rows = _rows(request, "acquire_cases")
    limit = int(request.query_params.get("limit", 20))
    data = {"page": 0, "offset": 0, "limit": limit, "count": len(rows), "data": rows}
    return reply(request, {"data": data})


def condition(text: str) -> tuple[str, str, Any]:
    """Column, operator and value of `column|operator|value`. Raises ValueError."""
    column, operator, value = text.split("|")
    if column not in COLUMNS or operator not in OPERATORS:
        raise ValueError(text)
    return column, OPERATORS[operator], int(value) if column == "id" else iso(parse_iso(value))


def _rows(request: Request, stream: str) -> list[Json]:
    query = request.query_params
    where, values = "true", []
    try:
        limit = min(int(query.get("limit", 20)), 100)
        for column, operator, value in map(condition, query.getlist("where")):
            field = "id" if column == "id" else f"json_extract(body, '$.{column}')"
            where += f" and {field} {operator} ?"
            values.append(value)
    except ValueError:
        raise Refused(refusal(400)) from None
    rows, _ = page(request, stream, where=where, values=values, order="id", limit=limit)
    found = [body for _, _, body in rows]
    if meets(request, "repeat_token") and values and found:
        found = [{**found[0], "id": values[-1]}]
    if query.get("select") == "id":
        return [{"id": body["id"]} for body in found]
    asked = query.getlist("relations")
    hidden = {"fields", "company", "contact", "messages", "feedbacks"} - set(asked)
    return [{name: held for name, held in body.items() if name not in hidden} for body in found]


def _contact(person: Person, moment: int) -> Json:
    has_company = person.company is not None
    return {
        "dateCreated": iso(moment),
        "dateUpdated": None,
        "id": person.number,
        "clientType": "web",
        "fields": {
            "name": f"{person.first} {person.last}",
            "email": person.email,
            "phone": None,
            "city": person.city,
            "country": {"name": person.country, "cca2": person.country},
        },
        "company": {
            "id": person.company,
            "fields": {
                "name": company_name(person.company),
                "website": company_domain(person.company),
            },
        }
        if has_company and person.company is not None
        else None,
        "channel": "chat",
        "status": "active",
    }


def _talk(person: Person, dice: random.Random, id: int, began: int) -> Iterator[Change]:
    """Asked, answered, closed, and sometimes rated the next hour."""
    case: Json = {
        "id": id,
        "dateCreated": iso(began),
        "dateUpdated": None,
        "channel": dice.choice(("chat", "email", "voip")),
        "title": dice.choice(ASKED),
        "status": "pending",
        "closingState": None,
        "dateClosed": None,
        "contactId": person.number,
        "contact": {"id": person.number},
        "messages": [_message(id, 1, began, "contact", dice.choice(ASKED))],
        "feedbacks": [],
    }
    yield Change(began, "acquire_cases", id, case)
    answered = began + int((1 + dice.random() * 50) * MINUTE)
    said = _message(id, 2, answered, "agent", dice.choice(SAID))
    case = {**case, "status": "active", "messages": [*case["messages"], said],
            "dateUpdated": iso(answered)}  # fmt: skip
    yield Change(answered, "acquire_cases", id, case)
    closed = answered + int(dice.random() * 2 * DAY) + SECOND
    case = {**case, "status": "close", "closingState": "handled", "dateClosed": iso(closed),
            "dateUpdated": iso(closed)}  # fmt: skip
    yield Change(closed, "acquire_cases", id, case)
    if dice.random() < 0.5:
        rated = closed + HOUR
        feedback = {"id": id, "rating": dice.choice((1, 3, 4, 5, 5)), "dateCreated": iso(rated),
                    "comment": dice.choice((None, "Quick", "Slow"))}  # fmt: skip
        rated_case = {**case, "feedbacks": [feedback], "dateUpdated": iso(rated)}
        yield Change(rated, "acquire_cases", id, rated_case)


def _message(case: int, number: int, moment: int, sender: str, text: str) -> Json:
    return {"id": case * 100 + number, "message": text, "senderType": sender,
            "dateCreated": iso(moment)}  # fmt: skip
