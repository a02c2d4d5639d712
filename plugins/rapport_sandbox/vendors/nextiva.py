"""A double of Nextiva's contact centre: a login that says where, and workitems there.

Shapes after https://help.thrio.com/article/workflow-variables. Only the login is answered at the
front; the rest is on a cluster, for a token. Times are milliseconds; `q` takes one range.

>>> since("modifiedAt:[1700000000000 TO *]")
1700000000000
"""

import base64
import hmac
import random
import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply, retry_after_headers
from rapport_sandbox.clock import DAY, MINUTE
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "nextiva"
LOGIN: dict[str, Any] = {
    "login": "demo@example.com",
    "password": "demo-not-a-secret-nextiva",
    "extra": {},
}
LIMITS = [("*", 120, 60.0)]
STREAM = "nextiva_workitems"
CLUSTER = "/nextiva/cluster7"
NUMBER = "+4930555000"
KINDS = (("voice", "InboundCall"), ("voice", "OutboundCall"), ("chat", "Chat"), ("email", "Email"))


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    headers = retry_after_headers(retry_after, style)
    body = {"status": status, "message": message or "refused"}
    return Response(encode(body), status, headers, "application/json")


def token_of(request: Request) -> str:
    """The token that holds; a test that raises `ended` has it end."""
    return f"demo-token-{gate_of(request).limits.option(VENDOR, 'ended', 0)}"


def is_allowed(request: Request) -> bool:
    """The login by name and password, the cluster by the token."""
    login = LOGIN
    pair = base64.b64encode(f"{login['login']}:{login['password']}".encode()).decode()
    wanted = {f"Basic {pair}"}
    if request.url.path.startswith(CLUSTER):
        wanted = {f"Bearer {token_of(request)}", token_of(request)}
    given = request.headers.get("authorization", "")
    return any(hmac.compare_digest(given.encode(), one.encode()) for one in wanted)


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Two in five people call, chat or write now and then."""
    if dice.random() > 0.4:
        return
    began = arrival
    for number in range(1, 2 + int(dice.random() * 4)):
        channel, kind = dice.choice(KINDS)
        item = _item(person, number, channel, kind, began)
        yield Change(began, STREAM, item["_id"], item)
        ended = began + int((1 + dice.random() * 40) * MINUTE)
        item = {**item, "state": "Completed", "agentUsername": "nora", "modifiedAt": ended,
                "completedAt": ended}  # fmt: skip
        yield Change(ended, STREAM, item["_id"], item)
        began += int((1 + dice.random() * 100) * DAY)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, [STREAM])


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {"workitems": total(request, STREAM)}


router = APIRouter(
    prefix="/nextiva",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed)), Depends(projected)],
)


@router.get("/provider/token-with-authorities")
async def login(request: Request) -> Response:
    where = f"{str(request.base_url).rstrip('/')}{CLUSTER}"
    bare = where.partition("://")[2]
    is_bare = gate_of(request).limits.option(VENDOR, "bare_location", 0)
    answer = {"location": bare if is_bare else where, "token": token_of(request)}
    return reply(request, {**answer, "clientLocation": where, "authorities": ["agent"]})


@router.get("/cluster7/data/api/types/workitem")
async def workitems(request: Request) -> Response:
    query = request.query_params
    try:
        rows, start = int(query.get("rows", 50)), int(query.get("start", 0))
        moment = since(query["q"]) if "q" in query else 0
    except ValueError:
        raise Refused(refusal(400, "q, rows or start cannot be read")) from None
    if not 1 <= rows <= 100:
        raise Refused(refusal(400, "rows is at most 100"))
    where, values = "updated >= ?", [moment]
    found, _ = page(request, STREAM, where=where, values=values, limit=rows, offset=start)
    count = total(request, STREAM, where, values)
    shown = [body for _, _, body in found]
    return reply(request, {"count": len(shown), "total": count if shown else 0, "objects": shown})


def since(q: str) -> int:
    """The time of a query for what was modified since. Raises ValueError."""
    match = re.fullmatch(r"modifiedAt:\[(\d{13}) TO \*\]", q)
    if match is None:
        raise ValueError(q)
    return int(match[1])


def _item(person: Person, number: int, channel: str, kind: str, moment: int) -> Json:
    them = person.email if channel == "email" else f"+{person.mobile}"
    us = "service@example.com" if channel == "email" else NUMBER
    is_outbound = kind == "OutboundCall"
    return {
        "_id": f"w{person.number:07d}{number:03d}",
        "workitemId": f"w{person.number:07d}{number:03d}",
        "state": "Queued",
        "channelType": channel,
        "type": kind,
        "priority": 1,
        "from": us if is_outbound else them,
        "to": them if is_outbound else us,
        "agentUsername": None,
        "createdAt": moment,
        "modifiedAt": moment,
    }
