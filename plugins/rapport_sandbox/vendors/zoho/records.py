"""The double of what Zoho CRM lets be written: contacts, their tags, and queries in a body.

Shapes after https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html. A write answers 200
whatever its rows say, one result a row in their order; a repeat of the body's fields is a row of
its own.

>>> VENDOR
'zoho'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, decode
from rapport_sandbox.vendors import zoho
from rapport_sandbox.vendors.salesforce.soql import compile

VENDOR = "zoho"
LARGEST, MOST_IDS, MOST_VALUES = 100, 100, 50
OWN = "Rapport_Customer_Id"
refusal = zoho.refusal
router = APIRouter(
    prefix="/zoho/crm/v8",
    dependencies=[
        Depends(door(VENDOR, refusal, is_allowed=zoho.is_allowed)),
        Depends(zoho.projected),
    ],
)


class RowError(Exception):
    """Why a row is refused: a code."""


@router.post("/coql")
async def coql(request: Request) -> Response:
    """Keywords are written in lower case here; at most 50 values in a list, 200 rows."""
    text = (await json_body(request, refusal)).get("select_query", "")
    words = re.sub(r"^select |(?<= )(from|where|limit)(?= )", lambda w: w[0].upper(), text)
    try:
        found = compile(words)
    except ValueError:
        raise Refused(refusal(400, text, code="SYNTAX_ERROR")) from None
    if found.named - zoho.has(found.object) or not found.where or found.where == "true":
        raise Refused(refusal(400, "no such column, or no criteria", code="INVALID_QUERY"))
    if any(part.count(",") >= MOST_VALUES for part in re.findall(r"\(([^()]*)\)", text)):
        raise Refused(refusal(400, "too many values", code="LIMIT_EXCEEDED"))
    sql = f"select body from {zoho.table(found.object)} where {found.where} limit 201"
    rows = [decode(row[0]) for row in gate_of(request).database.execute(sql, found.values)]
    told = [{name: row.get(name) for name in ("id", *found.fields)} for row in rows[:200]]
    return zoho.listed(request, told, {"count": len(told), "more_records": len(rows) > 200})


@router.post("/Contacts/upsert")
async def upsert(request: Request) -> Response:
    body = await json_body(request, refusal)
    checks = body.get("duplicate_check_fields") or ["Email"]
    return _each(request, body, lambda row: _upsert(request, row, checks))


@router.put("/Contacts")
async def update(request: Request) -> Response:
    return _each(request, await json_body(request, refusal), lambda row: _update(request, row))


@router.delete("/Contacts")
async def delete(request: Request) -> Response:
    ids = request.query_params.get("ids", "").split(",")

    def remove(row: Json) -> tuple[str, Json]:
        held = _held(request, row["id"])
        _put(request, {**held, "is_deleted": True})
        return "delete", held

    return _each(request, {"data": [{"id": id} for id in ids]}, remove)


@router.post("/Contacts/actions/add_tags")
async def add_tags(request: Request) -> Response:
    body = await json_body(request, refusal)
    if not isinstance(body.get("over_write"), bool):
        raise Refused(refusal(400, "over_write", code="MANDATORY_NOT_FOUND"))

    def tag(row: Json) -> tuple[str, Json]:
        held = _held(request, row["id"])
        if held["Email_Opt_Out"]:
            refuse_said_no(request, VENDOR, held["id"])
        there = [] if body["over_write"] else held.get("Tag") or []
        names = {one["name"]: one for one in [*there, *body["tags"]]}
        _put(request, {**held, "Tag": list(names.values())})
        return "", held

    return _each(request, {"data": _ids(body)}, tag)


@router.post("/Contacts/actions/remove_tags")
async def remove_tags(request: Request) -> Response:
    body = await json_body(request, refusal)
    gone = {tag["name"] for tag in body["tags"]}

    def untag(row: Json) -> tuple[str, Json]:
        held = _held(request, row["id"])
        _put(request, {**held, "Tag": [t for t in held.get("Tag") or [] if t["name"] not in gone]})
        return "", held

    return _each(request, {"data": _ids(body)}, untag)


def _ids(body: Json) -> list[Json]:
    ids = body.get("ids") or []
    if len(ids) > MOST_IDS:
        raise Refused(refusal(400, "ids", code="LIMIT_EXCEEDED"))
    return [{"id": id} for id in ids]


def _each(request: Request, body: Json, work: Callable[[Json], tuple[str, Json]]) -> Response:
    rows = body.get("data")
    if not isinstance(rows, list) or not 1 <= len(rows) <= LARGEST:
        raise Refused(refusal(400, "data", code="LIMIT_EXCEEDED"))
    told: list[Json] = []
    for row in rows:
        try:
            action, held = work(row)
        except RowError as error:
            details = {"api_name": "Email", "given": row.get("Email")}
            told.append({"code": str(error), "details": details, "status": "error",
                         "message": f"refused: {row}"})  # fmt: skip
        else:
            told.append({"code": "SUCCESS", "details": {"id": held["id"]}, "status": "success",
                         "message": "done", "action": action or None})  # fmt: skip
    return reply(request, {"data": told})


def _held(request: Request, id: str) -> Json:
    held = _found(request, "id", id)
    if held is None:
        raise RowError("INVALID_DATA")
    return held


def _found(request: Request, name: str, value: Any) -> Json | None:
    sql = f"select body from {zoho.table('Contacts')} where json_extract(body, '$.{name}') = ?"
    sql += " collate nocase" if name == "Email" else ""
    row = gate_of(request).database.execute(sql, (value,)).fetchone()
    return decode(row[0]) if row else None


def _upsert(request: Request, row: Json, checks: list[str]) -> tuple[str, Json]:
    for name in checks:
        held = _found(request, name, row[name]) if row.get(name) else None
        if held is not None:
            return _update(request, {**row, "id": held["id"]}, "update")
    if not row.get("Last_Name"):
        raise RowError("MANDATORY_NOT_FOUND")
    _judge(request, row, None)
    number = 90_000_000 + shelf_of(request, VENDOR).count("Contacts")
    now = gate_of(request).as_of
    body: Json = dict.fromkeys(zoho.has("Contacts"))
    body |= {"Tag": [], "Email_Opt_Out": False, "created": now, "Created_Time": zoho.stamp(now)}
    made = {**body, **row, "id": zoho.record_id("Contacts", number)}
    _put(request, made)
    return "insert", made


def _update(request: Request, row: Json, action: str = "") -> tuple[str, Json]:
    held = _held(request, str(row.get("id")))
    _judge(request, row, held)
    _put(request, {**held, **row})
    return action, held


def _put(request: Request, body: Json) -> None:
    now = gate_of(request).as_of
    changed = {"written": now, "Modified_Time": zoho.stamp(now)}
    shelf_of(request, VENDOR).put("Contacts", body["id"], {**body, **changed})


def _judge(request: Request, row: Json, held: Json | None) -> None:
    if row.get("Email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", row["Email"]):
        raise RowError("INVALID_DATA")
    if set(row) - zoho.has("Contacts"):
        raise RowError("INVALID_DATA")
    for name in (OWN, "Email"):
        other = _found(request, name, row[name]) if row.get(name) else None
        if other is not None and other["id"] != (held or {}).get("id"):
            raise RowError("DUPLICATE_DATA")
