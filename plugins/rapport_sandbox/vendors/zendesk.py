"""A double of Zendesk Support: incremental cursor exports, metrics, ratings, deleted tickets.

Shapes after https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports.
An export leaves out what changed in the minute before the call.

>>> read_cursor(write_cursor(1774926000000, 7))
(1774926000000, 7)
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import base64
import hmac
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import (
    FUTURE,
    Refused,
    door,
    gate_of,
    meets,
    reply,
    retry_after_headers,
)
from rapport_sandbox.clock import MINUTE, SECOND, seconds_iso
from rapport_sandbox.projection import total
from rapport_sandbox.store import Json, decode, encode

VENDOR = "zendesk"
TWICE = {
    "ticket_events": "the export gives the last second of a page again",
    "ticket_metric_events": "the export gives the last second of a page again",
}
# What support promises by priority, in business minutes: a first reply and a resolution.
TARGETS = {"urgent": (60, 480), "high": (240, 1440), "normal": (540, 2700), "low": (1080, 5400)}
WEEKDAYS, DAY_MINUTES = range(1, 6), 24 * 60  # Sunday is day 0
LOGIN: dict[str, Any] = {
    "login": "rapport@example.com/token",
    "password": "demo-not-a-secret-zendesk",
    "extra": {},
}
# An OAuth client, confidential where the secret is sent; the refresh token is the first one.
CLIENT = {
    "client_id": "demo-client",
    "client_secret": "demo-not-a-secret-client",
    "refresh_token": "demo-not-a-secret-refresh",
}
LIMITS = [("/api/v2/incremental/*", 10, 60.0), ("/api/v2/deleted_tickets*", 10, 60.0),
          ("*", 700, 60.0)]  # fmt: skip
DECLARED = 700
PAGE = 1000


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body: Json
    if status == 401:
        body = {"error": "Couldn't authenticate you"}
    elif status == 403:
        body = {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}
    elif status == 404:
        body = {"error": "RecordNotFound", "description": "Not found"}
    elif status == 429:
        body = {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests"
                " per minute exceeded"}  # fmt: skip
    else:
        body = {"error": code or "InternalError", "description": message or "Something went wrong"}
    headers = retry_after_headers(retry_after, style)
    if status == 429:
        headers |= {"X-Rate-Limit": str(DECLARED), "X-Rate-Limit-Remaining": "0"}
    return Response(encode(body), status, headers, "application/json")


def _oauth(request: Request) -> dict[str, Any]:
    """The tokens that are good now, on the clock of the limits, which a test moves forward."""
    options = gate_of(request).limits.options.setdefault(VENDOR, {})
    fresh = {"refresh": CLIENT["refresh_token"], "number": 0, "ends": {}}
    held: dict[str, Any] = options.setdefault("oauth", fresh)
    return held


def is_allowed(request: Request) -> bool:
    """Basic with the API token, or an access token that has not ended."""
    given = request.headers.get("authorization", "")
    pair = f"{LOGIN['login']}:{LOGIN['password']}".encode()
    if hmac.compare_digest(given.encode(), b"Basic " + base64.b64encode(pair)):
        return True
    ends = _oauth(request)["ends"].get(given.removeprefix("Bearer "), 0.0)
    return bool(ends > gate_of(request).limits.now())


tokens = APIRouter(prefix="/zendesk/oauth")


@tokens.post("/tokens")
async def give_tokens(request: Request) -> Response:
    """Client credentials, or a refresh, which ends the former access and refresh tokens."""
    asked, held, now = await request.json(), _oauth(request), gate_of(request).limits.now()
    grant = asked.get("grant_type")
    is_secret = asked.get("client_secret") == CLIENT["client_secret"]
    if asked.get("client_id") != CLIENT["client_id"] or (
        asked.get("client_secret") and not is_secret
    ):
        return Response(encode({"error": "invalid_client"}), 401, media_type="application/json")
    is_refresh = grant == "refresh_token" and asked.get("refresh_token") == held["refresh"]
    if not is_refresh and not (grant == "client_credentials" and is_secret):
        return Response(encode({"error": "invalid_grant"}), 400, media_type="application/json")
    held["number"] += 1
    access, seconds = (
        f"access-{held['number']}",
        gate_of(request).limits.option(VENDOR, "expires_in", 1800),
    )
    told = {"access_token": access, "token_type": "bearer", "scope": "read", "expires_in": seconds}
    if is_refresh:
        held["ends"].pop(held.get("access"), None)
        held |= {"refresh": f"refresh-{held['number']}", "access": access}
        told |= {"refresh_token": held["refresh"], "refresh_token_expires_in": 2_592_000}
    held["ends"][access] = now + seconds
    return Response(encode(told), media_type="application/json")


data = APIRouter(
    prefix="/zendesk/api/v2", dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed))]
)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream; exports leave out the last minute."""
    end = gate_of(request).as_of - MINUTE
    counts = {name: total(request, f"zendesk_{name}", "updated < ?", [end])
              for name in ("tickets", "users")}  # fmt: skip
    lists = ("ticket_metrics", "satisfaction_ratings", "deleted_tickets")
    counts |= {name: total(request, f"zendesk_{name}") for name in lists}
    until = [end // SECOND * SECOND]
    counts["ticket_events"] = total(request, "zendesk_comments", "updated < ?", until)
    promised = len(_promised(request, 0, end // SECOND, -1))
    return {**counts, "ticket_metric_events": 2 * promised, "schedules": len(SCHEDULES)}


def write_cursor(updated: int, id: int) -> str:
    return base64.urlsafe_b64encode(f"{updated}|{id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """Raises Refused with 400 for a cursor that this double never gave."""
    try:
        padded = text + "=" * (-len(text) % 4)
        updated, id = base64.urlsafe_b64decode(padded).decode().split("|")
        return int(updated), int(id)
    except ValueError:
        raise Refused(refusal(400, "cursor is invalid", code="InvalidValue")) from None


@data.get("/incremental/tickets/cursor")
@data.get("/incremental/tickets/cursor.json")
async def export_tickets(request: Request) -> Response:
    return _export(request, "tickets")


@data.get("/incremental/users/cursor")
@data.get("/incremental/users/cursor.json")
async def export_users(request: Request) -> Response:
    return _export(request, "users")


@data.get("/incremental/ticket_events")
@data.get("/incremental/ticket_events.json")
async def export_events(request: Request) -> Response:
    """By time, in whole seconds: the last second of a page comes again on the next one."""
    query, gate = request.query_params, gate_of(request)
    size = gate.limits.page_size(PAGE)
    start = _whole(query.get("start_time"), "start_time")
    end = gate.as_of // SECOND - 60
    if start > end:
        message = "Too recent start_time. Use a start_time older than 60 seconds"
        raise Refused(refusal(400, message, code="InvalidValue"))
    events = gate.database.execute(
        "select updated, id, body from zendesk_comments where updated >= ? and updated < ?"
        " order by updated, id limit ?",
        (start * SECOND, end * SECOND, size + 1),
    ).fetchall()
    shown = (
        []
        if meets(request, "empty")
        else [
            _event(
                updated // SECOND, id, decode(body), "comment_events" in query.get("include", "")
            )
            for updated, id, body in events[:size]
        ]
    )
    ends = len(events) <= size or not shown
    reached = end if ends else shown[-1]["timestamp"]
    if meets(request, "repeat_token") and start:
        reached, ends = start, False
    following = str(request.url.include_query_params(start_time=reached))
    return _answer(
        request,
        {"ticket_events": shown, "next_page": following, "count": len(shown), "end_time": reached,
         "end_of_stream": ends},
    )  # fmt: skip


def _event(moment: int, id: int, comment: Json, with_comments: bool) -> Json:
    """An update of a ticket, with its comment and the change of its status as child events."""
    children: list[Json] = []
    if comment["body"] is not None and with_comments:
        children.append(
            {"id": id * 10 + 1, "event_type": "Comment", "type": "Comment",
             "author_id": comment["author_id"], "body": comment["body"],
             "public": comment["public"], "comment_present": True,
             "comment_public": comment["public"]}
        )  # fmt: skip
    if "status" in comment and comment["previous_value"] is None and comment["ticket_id"] % 3 == 0:
        children.append(
            {"id": id * 10 + 3, "event_type": "ScheduleAssignment", "previous_schedule_id": None,
             "new_schedule_id": SCHEDULES[0]["id"]}
        )  # fmt: skip
    if "status" in comment:
        kind = "Create" if comment["previous_value"] is None else "Change"
        children.append(
            {"id": id * 10 + 2, "event_type": kind, "status": comment["status"],
             "previous_value": comment["previous_value"]}
        )  # fmt: skip
    return {
        "id": id * 10,
        "ticket_id": comment["ticket_id"],
        "timestamp": moment,
        "created_at": seconds_iso(moment * SECOND),
        "updater_id": comment["author_id"],
        "via": "Web form",
        "event_type": "Audit",
        "child_events": children,
    }


@data.get("/incremental/ticket_metric_events")
@data.get("/incremental/ticket_metric_events.json")
async def export_metric_events(request: Request) -> Response:
    """By time, in whole seconds: what a ticket's opening begins, and the SLA that applies to it."""
    gate = gate_of(request)
    size = gate.limits.page_size(PAGE)
    start = _whole(request.query_params.get("start_time"), "start_time")
    end = gate.as_of // SECOND - 60
    if start > end:
        message = "Too recent start_time. Use a start_time older than 60 seconds"
        raise Refused(refusal(400, message, code="InvalidValue"))
    tickets = _promised(request, start, end, size + 1)
    shown = [] if meets(request, "empty") else tickets[:size]
    ends = len(tickets) <= size or not shown
    reached = end if ends else shown[-1][0]
    if meets(request, "repeat_token") and start:
        reached, ends = start, False
    events = [event for moment, id, body in shown for event in _metric_events(moment, id, body)]
    following = str(request.url.include_query_params(start_time=reached))
    return _answer(
        request,
        {"ticket_metric_events": events, "next_page": following, "count": len(events),
         "end_time": reached, "end_of_stream": ends},
    )  # fmt: skip


def _promised(request: Request, start: int, end: int, limit: int) -> list[tuple[int, int, Json]]:
    """The tickets opened from second `start` to before `end`: second, id, ticket."""
    opened = "cast(strftime('%s', json_extract(body, '$.created_at')) as integer)"
    rows = gate_of(request).database.execute(
        f"select {opened} as opened, id, body from zendesk_tickets where {opened} >= ?"
        f" and {opened} < ? order by opened, id limit ?",
        (start, end, limit),
    )
    return [(moment, id, decode(body)) for moment, id, body in rows]


def _metric_events(moment: int, id: int, ticket: Json) -> list[Json]:
    common = {"ticket_id": id, "instance_id": 1, "time": seconds_iso(moment * SECOND)}
    events: list[Json] = [
        {"id": id * 10, "metric": "reply_time", "type": "activate", **common},
    ]
    targets = TARGETS[ticket["priority"]]
    for place, (metric, target) in enumerate(
        zip(("reply_time", "resolution_time"), targets, strict=True)
    ):
        sla = {"target": target, "target_in_seconds": target * 60, "business_hours": True,
               "policy": {"id": 71, "title": "Standard", "description": None}}  # fmt: skip
        events.append(
            {"id": id * 10 + 1 + place, "metric": metric, "type": "apply_sla", "sla": sla, **common}
        )
    return events


def _schedule(id: int, name: str, zone: str, opens: int, closes: int) -> Json:
    hours = [
        {"start_time": day * DAY_MINUTES + opens * 60, "end_time": day * DAY_MINUTES + closes * 60}
        for day in WEEKDAYS
    ]
    created = f"2025-01-0{id}T08:00:00Z"
    return {"id": id, "name": name, "time_zone": zone, "intervals": hours,
            "created_at": created, "updated_at": created}  # fmt: skip


# The first one holds for every ticket; `business` times of the metrics are counted by it.
SCHEDULES = [
    _schedule(1, "Office", "UTC", 9, 17),
    _schedule(2, "Late shift", "Pacific Time (US & Canada)", 12, 20),
]


@data.get("/business_hours/schedules")
@data.get("/business_hours/schedules.json")
async def schedules(request: Request) -> Response:
    return _answer(request, {"schedules": SCHEDULES})


@data.get("/business_hours/schedules/{id}/holidays")
@data.get("/business_hours/schedules/{id}/holidays.json")
async def holidays(request: Request, id: int) -> Response:
    if id not in [schedule["id"] for schedule in SCHEDULES]:
        raise Refused(refusal(404))
    days = [{"id": 31, "name": "Independence Day", "start_date": "2026-07-04",
             "end_date": "2026-07-04"}] if id == 2 else []  # fmt: skip
    return _answer(request, {"holidays": days})


@data.get("/ticket_metrics")
@data.get("/ticket_metrics.json")
async def ticket_metrics(request: Request) -> Response:
    """Newest first, a hundred a page."""
    return _list(request, "ticket_metrics", "", [], newest_first=True)


@data.get("/satisfaction_ratings")
@data.get("/satisfaction_ratings.json")
async def satisfaction_ratings(request: Request) -> Response:
    """`start_time` and `end_time` are compared with the time of the last change."""
    query, where = request.query_params, ""
    values: list[Any] = []
    for name, sign in (("start_time", ">="), ("end_time", "<")):
        if name in query:
            where += f" and updated {sign} ?"
            values.append(_whole(query[name], name) * SECOND)
    score = query.get("score")
    if score == "received":
        where += " and json_extract(body, '$.score') in ('good', 'bad')"
    elif score in ("offered", "unoffered", "good", "bad"):
        where += " and json_extract(body, '$.score') = ?"
        values.append(score)
    elif score in ("good_with_comment", "bad_with_comment", "received_with_comment"):
        where += " and json_extract(body, '$.comment') is not null"
        where += " and json_extract(body, '$.score') like ?"
        values.append(score.partition("_")[0].replace("received", "%"))
    return _list(request, "satisfaction_ratings", where, values)


@data.get("/deleted_tickets")
@data.get("/deleted_tickets.json")
async def deleted_tickets(request: Request) -> Response:
    return _list(request, "deleted_tickets", "", [])


@data.get("/tickets/{id}/comments")
@data.get("/tickets/{id}/comments.json")
async def comments(request: Request, id: str) -> Response:
    database = gate_of(request).database
    if database.execute("select 1 from zendesk_tickets where id = ?", (id,)).fetchone() is None:
        raise Refused(refusal(404))
    first = int(id) * 100
    rows = database.execute(
        "select updated, id, body from zendesk_comments where id >= ? and id < ? order by id",
        (first, first + 100),
    )
    found = [
        {"id": number, "type": "Comment", "created_at": seconds_iso(updated), **comment}
        for updated, number, body in rows
        if (comment := decode(body))["body"] is not None
    ]
    return _answer(request, {"comments": found, "next_page": None, "count": len(found)})


@data.get("/users/me")
@data.get("/users/me.json")
async def me(request: Request) -> Response:
    """For a check of the login."""
    return _answer(request, {"user": {"id": 101, "role": "admin", "active": True}})


def _export(request: Request, stream: str) -> Response:
    query, gate = request.query_params, gate_of(request)
    limit = min(_whole(query.get("per_page", PAGE), "per_page") or PAGE, PAGE)
    end = gate.as_of - MINUTE
    given = query.get("cursor")
    if given is not None:
        updated, id = read_cursor(given)
    elif "start_time" in query:
        updated, id = _whole(query["start_time"], "start_time") * SECOND, -1
        if updated > end:
            message = "Too recent start_time. Use a start_time older than 60 seconds"
            raise Refused(refusal(400, message, code="InvalidValue"))
    else:
        raise Refused(refusal(400, "Missing parameter: start_time", code="ParameterMissing"))
    sql = (
        f"select updated, id, body from zendesk_{stream} where (updated, id) > (?, ?)"
        " and updated < ? order by updated, id limit ?"
    )
    rows = gate.database.execute(sql, (updated, id, end, limit + 1)).fetchall()
    if meets(request, "shift_page") and given is not None:
        before = (
            f"select updated, id, body from zendesk_{stream} where (updated, id) <= (?, ?)"
            " order by updated desc, id desc limit 1"
        )
        rows = gate.database.execute(before, (updated, id)).fetchall() + rows[:limit]
    ends = len(rows) <= limit
    rows = [] if meets(request, "empty") else rows[:limit]
    after = write_cursor(*rows[-1][:2]) if rows else given or write_cursor(updated, id)
    if meets(request, "repeat_token") and given is not None:
        after, ends = given, False
    bodies = [decode(row[2]) for row in rows]
    if stream == "tickets" and "metric_sets" in query.get("include", ""):
        for body in bodies:
            body["metric_set"] = _metric(request, body["id"])
    if meets(request, "far_future_cursor") and bodies:
        bodies[0]["updated_at"] = FUTURE
    url = str(request.url.replace(query=f"cursor={after}"))
    answer = {stream: bodies, "after_url": url, "after_cursor": after, "before_url": None,
              "before_cursor": None, "end_of_stream": ends or not rows}  # fmt: skip
    if meets(request, "repeat_token") and given is not None:
        answer["end_of_stream"] = False
    return _answer(request, answer)


def _list(
    request: Request, stream: str, where: str, values: list[Any], newest_first: bool = False
) -> Response:
    """Cursor paging by `page[size]` and `page[after]`; without them the old offset paging."""
    query, gate = request.query_params, gate_of(request)
    way, sign = ("desc", "<") if newest_first else ("asc", ">")
    table = f"zendesk_{stream}"
    if "page[size]" not in query and "page[after]" not in query:
        return _offset_page(request, stream, where, values, way)
    limit = min(_whole(query.get("page[size]", 100), "page[size]") or 100, 100)
    given = query.get("page[after]")
    place = read_cursor(given)[1] if given else None
    mine = list(values)
    clause = where
    if place is not None:
        clause += f" and id {sign}{'=' if meets(request, 'shift_page') else ''} ?"
        mine.append(place)
    rows = gate.database.execute(
        f"select id, body from {table} where true{clause} order by id {way} limit ?",
        [*mine, limit + 1],
    ).fetchall()
    more = len(rows) > limit
    rows = [] if meets(request, "empty") else rows[:limit]
    after = write_cursor(0, rows[-1][0]) if rows else given
    more = more and bool(rows)
    if meets(request, "repeat_token") and given is not None:
        after, more = given, True
    bodies = [decode(row[1]) for row in rows]
    if meets(request, "far_future_cursor") and bodies and "updated_at" in bodies[0]:
        bodies[0]["updated_at"] = FUTURE
    following = f"{request.url.path}?page[size]={limit}&page[after]={after}" if more else None
    meta = {"has_more": more, "after_cursor": after, "before_cursor": None}
    return _answer(
        request, {stream: bodies, "meta": meta, "links": {"next": following, "prev": None}}
    )


def _offset_page(
    request: Request, stream: str, where: str, values: list[Any], way: str
) -> Response:
    query, gate = request.query_params, gate_of(request)
    limit = min(_whole(query.get("per_page", 100), "per_page") or 100, 100)
    page = max(1, _whole(query.get("page", 1), "page"))
    count = gate.database.execute(
        f"select count(*) from zendesk_{stream} where true{where}", values
    ).fetchone()[0]
    rows = gate.database.execute(
        f"select body from zendesk_{stream} where true{where} order by id {way} limit ? offset ?",
        [*values, limit, (page - 1) * limit],
    ).fetchall()
    bodies = [] if meets(request, "empty") else [decode(row[0]) for row in rows]
    following = None
    if page * limit < count and bodies:
        following = str(request.url.include_query_params(page=page + 1, per_page=limit))
    return _answer(
        request,
        {stream: bodies, "next_page": following, "previous_page": None, "count": count},
    )


def _metric(request: Request, ticket_id: int) -> Json | None:
    sql = "select body from zendesk_ticket_metrics where id = ?"
    row = gate_of(request).database.execute(sql, (ticket_id + 5_000_000_000,)).fetchone()
    return decode(row[0]) if row else None


def _answer(request: Request, payload: Json) -> Response:
    remaining = gate_of(request).limits.remaining(VENDOR, DECLARED - 1)
    return reply(
        request,
        payload,
        headers={"X-Rate-Limit": str(DECLARED), "X-Rate-Limit-Remaining": str(remaining)},
    )


def _whole(value: Any, name: str) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError):
        raise Refused(refusal(400, f"{name} must be a number", code="InvalidValue")) from None


router = APIRouter()
router.include_router(tokens)
router.include_router(data)
