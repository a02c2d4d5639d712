"""A double of ELMA365: an app of contacts, one of requests, and one that may be written to.

Shapes after https://api.elma365.com/en/public-api/reference/app/applist/. Every call is a POST, a
wrong login is a 403, and what is wrong with a call may be a 200 with `success` false. `active`
false lists deleted items too. A filter on text finds whatever contains it. A field that the app
does not have is swallowed.

>>> id_of("contact", 3) == id_of("contact", 3)
True
"""

import random
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply, retry_after_headers
from rapport_sandbox.clock import DAY, HOUR, iso, parse_iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "elma365"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-elma365", "extra": {}}
OPTIONS: dict[str, Any] = {
    "namespace": "marketing",
    "code": "people",
    "email": "_email",
    "full_name": "__name",
}
LIMITS: list[tuple[str, int, float]] = []
APPS = {("crm", "clients"): "elma365_contacts", ("service", "requests"): "elma365_requests"}
STREAMS = list(APPS.values())
OPEN, PENDING, CLOSED = 1, 2, 3
WRITABLE = ("marketing", "people")
FIELDS = {"_email", "__name", "rapport_id"}
WORDS = ("Where is my order?", "The machine leaks", "Wrong invoice", "How do I descale it?")


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """A wrong login is a 403."""
    headers = retry_after_headers(retry_after, style)
    body = {"success": False, "error": message or "refused"}
    return Response(encode(body), 403 if status == 401 else status, headers, "application/json")


def id_of(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"elma365/{kind}/{number}"))


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """A third of the people: a client who may get a number or be deleted, and their requests."""
    if person.kind == "visitor" or dice.random() > 0.35:
        return
    client = _client(person, arrival)
    yield _change("contacts", arrival, client)
    if dice.random() < 0.3:
        client = {**client, "_phone": [{"type": "mobile", "tel": f"+{person.mobile}"}]}
        yield _change("contacts", arrival + int(dice.random() * 60 * DAY), client)
    asked = arrival + int(dice.random() * 40 * DAY)
    for number in range(int(dice.random() * 3.5)):
        request = _request(person, number, asked, dice)
        yield _change("requests", asked, request)
        answered = asked + int((1 + dice.random() * 30) * HOUR)
        request = {**request, "__status": {"order": 1, "status": PENDING}}
        yield _change("requests", answered, request)
        rating = dice.choice((None, 2, 4, 5, 5))
        request = {**request, "__status": {"order": 2, "status": CLOSED}, "csi": rating}
        yield _change("requests", answered + int(dice.random() * 3 * DAY), request)
        asked += int((1 + dice.random() * 120) * DAY)
    if dice.random() < 0.08:
        gone = arrival + int(dice.random() * 200 * DAY) + 60 * DAY
        yield _change("contacts", gone, {**client, "__deletedAt": iso(gone)})


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {name.partition("_")[2]: total(request, name) for name in STREAMS}


router = APIRouter(
    prefix="/elma365/pub/v1/app",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)


@router.post("/{namespace}/{code}/list")
async def list_items(request: Request, namespace: str, code: str) -> Response:
    body = await json_body(request, refusal)
    size, start = body.get("size", 10), body.get("from", 0)
    if not 1 <= size <= 100:
        return _failed(request, "size is at most 100")
    if (namespace, code) == WRITABLE:
        return _shelved(request, body)
    stream = _stream(namespace, code)
    where, values = _where(body)
    order = "updated, id"
    if body.get("sortExpressions", [{}])[0].get("field") == "__deletedAt":
        order = "is_archived, updated, id"
    rows, _ = page(request, stream, where=where, values=values, order=order, limit=size,
                   offset=start)  # fmt: skip
    found = {"result": [held for _, _, held in rows],
             "total": total(request, stream, where, values)}  # fmt: skip
    return reply(request, {"success": True, "error": "", "result": found})


@router.post("/{namespace}/{code}/create")
async def create(request: Request, namespace: str, code: str) -> Response:
    return await _write(request, namespace, code, None)


@router.post("/{namespace}/{code}/{id}/update")
async def update(request: Request, namespace: str, code: str, id: str) -> Response:
    return await _write(request, namespace, code, id)


async def _write(request: Request, namespace: str, code: str, id: str | None) -> Response:
    shelf, context = shelf_of(request, VENDOR), (await json_body(request, refusal))["context"]
    if (namespace, code) != WRITABLE:
        raise Refused(refusal(404))
    held: Json | None = {"__id": id_of("item", shelf.count("people") + 1)}
    if id is not None:
        held = shelf.get("people", id)
    if held is None:
        return _failed(request, "item not found")
    if any("@" not in one.get("email", "") for one in context.get("_email", [])):
        return _failed(request, f"{context['_email']} is no e-mail")
    hidden = gate_of(request).limits.options.get(VENDOR, {}).get("without_field")
    taken = {name: value for name, value in context.items()
             if (name in FIELDS or name.startswith("rapport_")) and name != hidden}  # fmt: skip
    held = {**held, **taken}
    shelf.put("people", held["__id"], held)
    return reply(request, {"success": True, "error": "", "item": held})


def _shelved(request: Request, body: Json) -> Response:
    wanted: Json = body.get("filter", {}).get("tf", {})
    rows = [held for _, held in shelf_of(request, VENDOR).list("people")
            if all(_fits(held.get(name), value) for name, value in wanted.items())]  # fmt: skip
    start, size = body.get("from", 0), body.get("size", 10)
    found = {"result": rows[start : start + size], "total": len(rows)}
    return reply(request, {"success": True, "error": "", "result": found})


def _fits(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return wanted.lower() in str(held or "").lower()
    return bool(held == wanted)


def _where(body: Json) -> tuple[str, list[Any]]:
    where, values = ("not is_archived" if body.get("active", True) else "true"), []
    for field, span in body.get("filter", {}).get("tf", {}).items():
        if field == "__deletedAt":
            where += " and is_archived"
        where += " and updated >= ?"
        values.append(parse_iso(span["min"]))
    return where, values


def _stream(namespace: str, code: str) -> str:
    if (namespace, code) not in APPS:
        raise Refused(refusal(404, "no such route"))
    return APPS[(namespace, code)]


def _failed(request: Request, message: str) -> Response:
    return reply(request, {"success": False, "error": message})


def _change(kind: str, moment: int, body: Json) -> Change:
    held = {**body, "__updatedAt": iso(moment)}
    return Change(moment, f"elma365_{kind}", body["__id"], held, body["__deletedAt"] is not None)


def _client(person: Person, moment: int) -> Json:
    return {
        "__id": id_of("contact", person.number),
        "__createdAt": iso(moment),
        "__deletedAt": None,
        "__name": f"{person.first} {person.last}",
        "_fullname": {"firstname": person.first, "lastname": person.last, "middlename": ""},
        "_email": [{"type": "main", "email": person.email}],
        "_phone": [],
        "shop_login": person.user_id if person.kind == "account" else None,
        "__status": None,
    }


def _request(person: Person, number: int, moment: int, dice: random.Random) -> Json:
    return {
        "__id": id_of(f"request/{number}", person.number),
        "__createdAt": iso(moment),
        "__deletedAt": None,
        "__name": dice.choice(WORDS),
        "client": [id_of("contact", person.number)],
        "email": [{"type": "main", "email": person.email}],
        "channel": dice.choice(("email", "portal", "phone")),
        "csi": None,
        "__status": {"order": 0, "status": OPEN},
    }
