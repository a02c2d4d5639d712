"""A double of HubSpot's CRM objects: list, search, batch read, associations.

Shapes after https://developers.hubspot.com/docs/api-reference/crm-objects-v3. Search ends at 10,000
results without a word, does not see the last seconds, and never shows archived records.

>>> bare("0-3")
'deals'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox import crm
from rapport_sandbox.call_gate import (
    FUTURE,
    Refused,
    door,
    gate_of,
    meets,
    reply,
    retry_after_headers,
)
from rapport_sandbox.clock import DAY, SECOND, iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, ready, total
from rapport_sandbox.store import Json, decode, encode
from rapport_sandbox.vendors.hubspot import search as hubspot_search

VENDOR = "hubspot"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-hubspot", "extra": {}}
LIMITS = [("*/search", 5, 1.0), ("*", 100, 10.0)]
KINDS = {"contacts": "contacts", "companies": "companies", "deals": "deals", "0-1": "contacts",
         "0-2": "companies", "0-3": "deals", "0-19": "feedback_submissions",
         "feedback_submissions": "feedback_submissions"}  # fmt: skip
CURSOR = {"contacts": "lastmodifieddate"}
DEFAULTS = {
    "contacts": {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate",
                 "lastname"},
    "companies": {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
    "deals": {"amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate",
              "hs_object_id", "pipeline"},
    "feedback_submissions": {"hs_createdate", "hs_lastmodifieddate", "hs_object_id"},
}  # fmt: skip
CEILING = 10_000
SEARCH_LAG = 30 * SECOND
CORRELATION = "00000000-0000-4000-8000-000000000000"


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body: Json = {"status": "error", "message": message or "internal error",
                  "correlationId": CORRELATION}  # fmt: skip
    if status == 401:
        body["category"] = "EXPIRED_AUTHENTICATION" if code else "INVALID_AUTHENTICATION"
        body["message"] = "Authentication credentials not found or expired."
    elif status == 403:
        body["category"] = "MISSING_SCOPES"
        body["message"] = "This app hasn't been granted all required scopes."
    elif status == 429:
        body.update(errorType="RATE_LIMIT", policyName="TEN_SECONDLY_ROLLING",
                    message="You have reached your ten_secondly_rolling limit.")  # fmt: skip
    elif status == 404:
        body["category"] = "OBJECT_NOT_FOUND"
    elif status < 500:
        body["category"] = "VALIDATION_ERROR"
    return Response(encode(body), status, retry_after_headers(retry_after, style),
                    "application/json")  # fmt: skip


def survey_answers(
    person: Person, dice: random.Random, arrival: int, until: int
) -> Iterator[Change]:
    """Some of the CRM's people answer its own surveys; an answer is never changed."""
    if not person.in_crm or person.has_double or dice.random() > 0.15:
        return
    moment, id = arrival + int(dice.random() * 60 * DAY), 9_000_000_000 + person.number * 10
    kind, highest = dice.choice((("NPS", 10), ("CSAT", 5), ("CES", 7)))
    for number in range(2):
        value = min(highest, max(1, round(highest * person.mood + dice.gauss(0, 1))))
        properties = {
            "hs_survey_id": str(70 + highest),
            "hs_survey_name": f"{kind} after contact",
            "hs_survey_type": kind,
            "hs_survey_channel": "EMAIL",
            "hs_value": str(value),
            "hs_content": dice.choice(("", "Thank you", "Could be quicker")),
            "hs_contact_id": str(crm.contact_id(person.number, 0)),
            "hs_contact_email_rollup": person.email,
            "hs_submission_timestamp": iso(moment),
            "hs_createdate": iso(moment),
            "hs_lastmodifieddate": iso(moment),
            "hs_object_id": str(id + number),
        }
        body = {"id": str(id + number), "properties": properties, "createdAt": iso(moment),
                "updatedAt": iso(moment), "archived": False}  # fmt: skip
        yield Change(moment, "hubspot_feedback_submissions", id + number, body)
        moment += int((20 + dice.random() * 90) * DAY)


async def projected(request: Request) -> None:
    """The surveys' answers, which the company's own file does not hold."""
    ready(gate_of(request), VENDOR, survey_answers, ["hubspot_feedback_submissions"])


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream; a search shows the last seconds later."""
    await projected(request)
    shown, until = "is_archived or updated <= ?", [gate_of(request).as_of - SEARCH_LAG]
    kinds = dict.fromkeys(KINDS.values())
    counts = {kind: total(request, f"hubspot_{kind}", shown, until) for kind in kinds}
    return {**counts, "deal_associations": total(request, "hubspot_deals", "not is_archived")}


router = APIRouter(
    prefix="/hubspot",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)


def bare(kind: str) -> str:
    """The plain name of an object type. Raises Refused with 404 for others."""
    if kind not in KINDS:
        raise Refused(refusal(404, f"Unable to infer object type from: {kind}"))
    return KINDS[kind]


@router.get("/crm/v3/objects/{kind}")
async def list_objects(request: Request, kind: str) -> Response:
    kind, query, gate = bare(kind), request.query_params, gate_of(request)
    largest = 50 if query.get("propertiesWithHistory") else 100
    limit = _number(query.get("limit"), 10, 1, largest, "limit")
    after = _number(query.get("after"), 0, 0, 1 << 60, "after")
    archived = query.get("archived", "false").lower() == "true"
    sql = (
        f"select id, body from hubspot_{kind} where is_archived = ? and id > ? order by id limit ?"
    )
    rows = gate.database.execute(sql, (archived, after, limit + 1)).fetchall()
    if meets(request, "shift_page") and after:
        previous = f"select id, body from hubspot_{kind} where is_archived = ? and id <= ?"
        previous += " order by id desc limit 1"
        rows = gate.database.execute(previous, (archived, after)).fetchall() + rows[:limit]
    wanted = _names(query.get("properties"))
    links = _names(query.get("associations"))
    return _page(request, kind, rows, limit, str(after) if after else None, wanted, links)


@router.post("/crm/v3/objects/{kind}/search")
async def search(request: Request, kind: str) -> Response:
    kind, body, gate = bare(kind), await _body(request), gate_of(request)
    missing = [
        k for k in ("filterGroups", "sorts", "properties", "limit", "after") if k not in body
    ]
    if missing:
        raise Refused(refusal(400, f"Invalid input JSON: missing {', '.join(missing)}"))
    limit = _number(body["limit"], 10, 1, 200, "limit")
    after = _number(body["after"] or 0, 0, 0, 1 << 60, "after")
    ceiling = gate.limits.option(VENDOR, "search_ceiling", CEILING)
    if after >= ceiling:
        message = f"The sum of after and limit must not exceed {ceiling}: a search ends there."
        raise Refused(refusal(400, message))
    try:
        cursor = CURSOR.get(kind, "hs_lastmodifieddate")
        groups, sorts = body["filterGroups"], body["sorts"]
        where, values, order = hubspot_search.compile(groups, sorts, cursor)
    except ValueError as error:
        raise Refused(refusal(400, str(error))) from None
    where = f"is_archived = 0 and updated <= ? and {where}"
    values = [gate.as_of - SEARCH_LAG, *values]
    table = f"hubspot_{kind}"
    count = total(request, table, where, values)
    size = min(limit, ceiling - after)
    begin = after - 1 if meets(request, "shift_page") and after else after
    rows = gate.database.execute(
        f"select id, body from {table} where {where} order by {order} limit ? offset ?",
        [*values, size + 1, begin],
    ).fetchall()
    return _page(request, kind, rows, size, str(after) if after else None, set(body["properties"]),
                 set(), {"total": count}, after, ceiling)  # fmt: skip


@router.post("/crm/v3/objects/{kind}/batch/read")
async def batch_read(request: Request, kind: str) -> Response:
    kind, body, gate = bare(kind), await _body(request), gate_of(request)
    inputs = body.get("inputs", [])
    if not inputs or len(inputs) > 100:
        raise Refused(refusal(400, "The number of inputs must be between 1 and 100"))
    results, missing = [], []
    by = "id" if body.get("idProperty") != "email" else "json_extract(body, '$.properties.email')"
    for item in inputs:
        sql = f"select body from hubspot_{kind} where {by} = ? and is_archived = 0"
        row = gate.database.execute(sql, (str(item.get("id")),)).fetchone()
        if row:
            results.append(_shape(kind, decode(row[0]), set(body.get("properties", [])), set()))
        else:
            missing.append(str(item.get("id")))
    now = iso(gate.as_of)
    answer: Json = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if not missing:
        return reply(request, answer)
    answer["numErrors"] = 1
    answer["errors"] = [{"status": "error", "category": "OBJECT_NOT_FOUND",
                         "message": "Could not get some objects, they may be deleted",
                         "context": {"ids": missing}}]  # fmt: skip
    return reply(request, answer, 207)


@router.get("/crm/v3/objects/{kind}/{id}")
async def read_object(request: Request, kind: str, id: str) -> Response:
    kind, query = bare(kind), request.query_params
    sql = f"select body from hubspot_{kind} where id = ? and is_archived = ?"
    archived = query.get("archived", "false").lower() == "true"
    row = gate_of(request).database.execute(sql, (id, archived)).fetchone()
    if row is None:
        raise Refused(refusal(404, "resource not found"))
    links = _names(query.get("associations"))
    shaped = _shape(kind, decode(row[0]), _names(query.get("properties")), links)
    return reply(request, shaped)


@router.post("/crm/v4/associations/{kind}/{other}/batch/read")
async def associations(request: Request, kind: str, other: str) -> Response:
    kind, other, gate = bare(kind), bare(other), gate_of(request)
    results = []
    for item in (await _body(request)).get("inputs", []):
        sql = f"select body from hubspot_{kind} where id = ?"
        row = gate.database.execute(sql, (str(item.get("id")),)).fetchone()
        link = decode(row[0]).get("associations", {}).get(other) if row else None
        if link:
            kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]
            to = [{"toObjectId": int(link), "associationTypes": kinds}]
            results.append({"from": {"id": str(item["id"])}, "to": to})
    return reply(request, {"status": "COMPLETE", "results": results})


def _page(
    request: Request, kind: str, rows: list[Any], limit: int, token: str | None, wanted: set[str],
    links: set[str], extra: Json | None = None, offset: int | None = None, ceiling: int = 0,
) -> Response:  # fmt: skip
    answer: Json = {**(extra or {}), "results": []}
    if meets(request, "empty"):
        return reply(request, {**answer, **({"total": 0} if extra else {})})
    shown = rows[:limit]
    answer["results"] = [_shape(kind, decode(body), wanted, links) for _, body in shown]
    if meets(request, "far_future_cursor") and shown:
        first = answer["results"][0]
        first["updatedAt"] = FUTURE
        first["properties"][CURSOR.get(kind, "hs_lastmodifieddate")] = FUTURE
    following = None
    if len(rows) > limit and offset is None:
        following = str(shown[-1][0])
    elif len(rows) > limit and offset is not None and offset + limit < ceiling:
        following = str(offset + limit)
    if meets(request, "repeat_token") and token is not None:
        following = token
    if following is not None:
        link = f"{request.url.path}?after={following}"
        answer["paging"] = {"next": {"after": following, "link": link}}
    return reply(request, answer)


def _shape(kind: str, body: Json, wanted: set[str], links: set[str]) -> Json:
    """Only the properties that were named; unknown names are passed over in silence."""
    linked = body.pop("associations", {})
    keep = DEFAULTS[kind] | wanted
    body["properties"] = {k: v or None for k, v in body["properties"].items() if k in keep}
    found = {
        other: {"results": [{"id": id, "type": f"{kind[:-1]}_to_{other[:-1]}"}]}
        for other, id in linked.items()
        if other in links
    }
    return {**body, "associations": found} if found else body


def _names(text: str | None) -> set[str]:
    return set(filter(None, (text or "").split(",")))


def _number(value: Any, default: int, lowest: int, highest: int, name: str) -> int:
    try:
        number = default if value is None else int(value)
    except (TypeError, ValueError):
        raise Refused(refusal(400, f"{name} must be a number")) from None
    if not lowest <= number <= highest:
        raise Refused(refusal(400, f"{name} must be between {lowest} and {highest}"))
    return number


async def _body(request: Request) -> Json:
    try:
        body = decode(await request.body())
    except ValueError:
        raise Refused(refusal(400, "Invalid input JSON")) from None
    if not isinstance(body, dict):
        raise Refused(refusal(400, "Invalid input JSON"))
    return body
