"""A double of PostHog: its query endpoint, which runs HogQL over events and persons.

Shapes after https://posthog.com/docs/api/queries. The query is really run, by SQLite, with the few
functions of ClickHouse that it knows. A query without a limit gives 100 rows, none gives more than
50,000, and one that was asked before is answered from a cache unless it says `force_blocking`.

>>> _sql("select 1 from events where uuid > {id} limit 10")
('select 1 from events where uuid > :id', 10)
"""

import random
import re
import sqlite3
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import (
    FUTURE,
    Gate,
    Refused,
    door,
    gate_of,
    meets,
    reply,
    retry_after_headers,
)
from rapport_sandbox.catalogue import CAMPAIGNS, PRODUCT_IDS, WEB
from rapport_sandbox.clock import DAY, HOUR, MINUTE, iso, parse_iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, ready, total
from rapport_sandbox.store import Json, decode, encode

VENDOR = "posthog"
LOGIN: dict[str, Any] = {"login": "4242", "password": "demo-not-a-secret-posthog", "extra": {}}
LIMITS = [("*/query/", 2400, 3600.0)]
PROJECT = "4242"
STREAMS = ["posthog_events", "posthog_persons"]
ROWS, MOST_ROWS = 100, 50_000
MOST_CACHED = 20
TABLES = """
with events as (
    select id as uuid, json_extract(body, '$.event') as event,
        json_extract(body, '$.distinct_id') as distinct_id,
        json_extract(body, '$.timestamp') as timestamp,
        strftime('%Y-%m-%dT%H:%M:%S.', updated / 1000, 'unixepoch')
            || substr(cast(1000 + updated % 1000 as text), 2) || '000Z' as created_at,
        json_extract(body, '$.properties') as properties
    from posthog_events
), persons as (
    select id, json_extract(body, '$.created_at') as created_at,
        json_extract(body, '$.properties') as properties
    from posthog_persons
), person_distinct_ids as (
    select persons.id as person_id, one.value as distinct_id
    from posthog_persons as persons, json_each(persons.body, '$.distinct_ids') as one
)
"""


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    kind = {401: "authentication_error", 403: "authentication_error", 429: "throttled_error",
            400: "validation_error"}.get(status, "server_error")  # fmt: skip
    body = {"type": kind, "code": code or kind, "detail": message or "no", "attr": None}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Visits before and after the login. A browser is a person of its own until somebody logs in;
    then it is merged into theirs."""
    if person.kind not in ("account", "visitor") or dice.random() > 0.4:
        return
    ids = [person.device]
    unnamed, named = _uuid(person, "unnamed"), _uuid(person, "named")
    moment = arrival + int(dice.random() * 60 * DAY)
    yield _person(moment, unnamed, moment, {}, ids)
    yield from _visit(person, dice, 0, moment, is_known=False)
    if person.kind == "visitor":
        return
    moment += int(dice.random() * 5 * DAY) + HOUR
    known = {"email": person.email, "name": f"{person.first} {person.last}"}
    yield _person(moment, named, moment, known, [person.user_id])
    yield from _visit(person, dice, 1, moment, is_known=True)
    later = moment + int(dice.random() * DAY)
    yield Change(later, "posthog_persons", unnamed, None)
    yield _person(later, named, moment, known, [*ids, person.user_id])
    yield from _visit(person, dice, 2, later + int(dice.random() * 30 * DAY), is_known=True)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {name.partition("_")[2]: total(request, name) for name in STREAMS}


router = APIRouter(
    prefix="/posthog",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)
_cached: dict[bytes, list[list[Any]]] = {}


@router.post("/api/projects/{project}/query/")
async def query(request: Request, project: str) -> Response:
    if project != PROJECT:
        raise Refused(refusal(404, "Project not found."))
    body = decode(await request.body())
    asked = body.get("query", {})
    if asked.get("kind") != "HogQLQuery":
        raise Refused(refusal(400, "this double knows HogQLQuery only"))
    key = encode([gate_of(request).root.as_posix(), asked])
    is_fresh = body.get("refresh") == "force_blocking"
    if is_fresh or key not in _cached:
        while len(_cached) >= MOST_CACHED:
            _cached.pop(next(iter(_cached)))
        _cached[key] = _run(gate_of(request), asked)
    rows = [] if meets(request, "empty") else list(_cached[key])
    if meets(request, "far_future_cursor") and rows and len(rows[0]) == 6:
        rows[0] = [*rows[0][:4], FUTURE, rows[0][5]]
    return reply(request, {"results": rows, "is_cached": not is_fresh, "hasMore": False})


def _run(gate: Gate, asked: Json) -> list[list[Any]]:
    sql, limit = _sql(asked["query"])
    database = gate.database
    database.create_function("toString", 1, str, deterministic=True)
    database.create_function("toDateTime", 1, _moment, deterministic=True)
    database.create_function("arraySort", 1, _sorted, deterministic=True)
    database.create_aggregate("groupUniqArray", 1, _Group)  # type: ignore[arg-type]
    try:
        found = database.execute(f"{TABLES} {sql} limit {limit}", asked.get("values", {}))
        rows = [list(row) for row in found]
    except (sqlite3.Error, ValueError) as error:
        raise Refused(refusal(400, f"Error while running: {error}")) from None
    for row in rows:
        if row and isinstance(row[-1], str) and row[-1].startswith("["):
            row[-1] = decode(row[-1])
    return rows


def _sql(query: str) -> tuple[str, int]:
    """The query in SQLite's words, and how many rows it may give."""
    found = re.search(r"\blimit\s+(\d+)\s*$", query, re.IGNORECASE)
    limit = int(found[1]) if found else ROWS
    if limit > MOST_ROWS:
        raise Refused(refusal(400, f"limit is at most {MOST_ROWS}"))
    body = (query[: found.start()] if found else query).strip()
    return re.sub(r"\{(\w+)\}", r":\1", body), limit


class _Group:
    def __init__(self) -> None:
        self.values: set[str] = set()

    def step(self, value: str) -> None:
        self.values.add(value)

    def finalize(self) -> str:
        return encode(list(self.values)).decode()


def _sorted(values: str) -> str:
    return encode(sorted(decode(values))).decode()


def _moment(text: str) -> str:
    return _stamp(parse_iso(text))


def _stamp(moment: int) -> str:
    return iso(moment).replace("Z", "000Z")


def _uuid(person: Person, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"posthog/{person.device}/{what}"))


def _person(moment: int, id: str, created: int, properties: Json, ids: list[str]) -> Change:
    body = {"created_at": _stamp(created), "properties": encode(properties).decode(),
            "distinct_ids": ids}  # fmt: skip
    return Change(moment, "posthog_persons", id, body)


def _visit(
    person: Person, dice: random.Random, number: int, moment: int, is_known: bool
) -> Iterator[Change]:
    """Some pages in a row; a device that was off line tells of them two days later."""
    delay = 2 * DAY if dice.random() < 0.05 else 0
    source, medium, campaign = dice.choice(CAMPAIGNS)
    pages = ["/", *(f"/products/{dice.choice(PRODUCT_IDS)}" for _ in range(dice.randint(0, 3)))]
    for step, path in enumerate(pages):
        then = moment + step * MINUTE
        properties: Json = {
            "$current_url": WEB + path,
            "$pathname": path,
            "$device_id": person.device,
            "$session_id": _uuid(person, f"session {number}"),
            "$raw_user_agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0",
            "$referrer": f"https://www.{source}.example/" if source else "$direct",
            "utm_source": source, "utm_medium": medium, "utm_campaign": campaign,
            "$is_identified": is_known,
        }  # fmt: skip
        if is_known:
            properties |= {"$user_id": person.user_id, "$set": {"email": person.email}}
        if path != "/":
            properties["product_id"] = path.rpartition("/")[2]
        body = {
            "event": "$pageview",
            "distinct_id": person.user_id if is_known else person.device,
            "timestamp": _stamp(then),
            "properties": encode(properties).decode(),
        }
        yield Change(then + delay, "posthog_events", _uuid(person, f"{number}.{step}"), body)
