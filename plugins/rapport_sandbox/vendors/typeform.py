"""A double of Typeform: forms and their responses.

Shapes after https://www.typeform.com/developers/responses/. `since` and `until` are inclusive, to
the second; one walks back in time with `before=<last token>`, which does not go with `sort`.

>>> sorted(_form("NpsQ1abc"))[:2]
['_links', 'created_at']
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

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
from rapport_sandbox.catalogue import FORM_IDS, FORMS
from rapport_sandbox.clock import SECOND, parse_iso
from rapport_sandbox.projection import total
from rapport_sandbox.store import Json, decode, encode
from rapport_sandbox.surveys import response_number

VENDOR = "typeform"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-typeform", "extra": {}}
LIMITS = [("*", 2, 1.0)]
_MADE = "2025-11-03T09:00:00Z"


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    codes = {401: "AUTHENTICATION_FAILED", 403: "ACCESS_DENIED", 404: "FORM_NOT_FOUND",
             400: "VALIDATION_ERROR", 429: "TOO_MANY_REQUESTS"}  # fmt: skip
    name = codes.get(status, "INTERNAL_SERVER_ERROR")
    text = message or {401: "Authentication credentials not found on the Request Headers"}.get(
        status, name.replace("_", " ").lower()
    )
    body = {"code": name, "description": text}
    return Response(encode(body), status, retry_after_headers(retry_after, style),
                    "application/json")  # fmt: skip


router = APIRouter(
    prefix="/typeform", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))]
)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many forms and responses there are."""
    shown = "updated <= ?"
    count = total(request, "typeform_responses", shown, [gate_of(request).as_of])
    return {"forms": len(FORMS), "responses": count}


@router.get("/me")
async def me(request: Request) -> Response:
    """For a check of the login."""
    return reply(
        request, {"alias": "lindenquell", "email": "rapport@example.com", "language": "de"}
    )


@router.get("/forms")
async def forms(request: Request) -> Response:
    size = _whole(request.query_params.get("page_size", 10), 1, 200, "page_size")
    page = _whole(request.query_params.get("page", 1), 1, 1 << 30, "page")
    shown = FORM_IDS[(page - 1) * size : page * size]
    keep = ("id", "type", "title", "created_at", "last_updated_at", "settings", "self", "_links")
    items = [{k: v for k, v in _form(id).items() if k in keep} for id in shown]
    if meets(request, "empty"):
        items = []
    pages = -(-len(FORM_IDS) // size)
    return reply(request, {"total_items": len(FORM_IDS), "page_count": pages, "items": items})


@router.get("/forms/{form_id}")
async def form(request: Request, form_id: str) -> Response:
    if form_id not in FORMS:
        raise Refused(refusal(404))
    return reply(request, _form(form_id))


@router.get("/forms/{form_id}/responses")
async def responses(request: Request, form_id: str) -> Response:
    """Newest first."""
    if form_id not in FORMS:
        raise Refused(refusal(404))
    query, gate = request.query_params, gate_of(request)
    size = _whole(query.get("page_size", 25), 1, 1000, "page_size")
    if "sort" in query and ("before" in query or "after" in query):
        raise Refused(refusal(400, "sort cannot be used together with before or after"))
    where = "json_extract(body, '$.form_id') = ? and updated <= ?"
    values: list[Any] = [form_id, gate.as_of]
    for name, sign in (("since", ">="), ("until", "<=")):
        if name in query:
            where += f" and updated {sign} ?"
            values.append(_moment(query[name]))
    count = total(request, "typeform_responses", where, values)
    way = "desc"
    for name, sign in (("before", "<"), ("after", ">")):
        if name in query:
            repeats = meets(request, "repeat_token") or meets(request, "shift_page")
            where += f" and (updated, id) {sign}{'=' if repeats else ''} (?, ?)"
            values.extend(_place(request, query[name]))
            way = "asc" if name == "after" else "desc"
    if query.get("sort", "").replace(" ", "").startswith("submitted_at,asc"):
        way = "asc"
    if meets(request, "repeat_token") and "before" in query:  # the page that was shown before
        where = where.replace("(updated, id) <=", "(updated, id) >=")
        way = "asc"
    rows = gate.database.execute(
        f"select body from typeform_responses where {where}"
        f" order by updated {way}, id {way} limit ?",
        [*values, size],
    ).fetchall()
    if meets(request, "repeat_token") and "before" in query:
        rows.reverse()
    items = [] if meets(request, "empty") else [decode(row[0]) for row in rows]
    for item in items:
        del item["form_id"]
    if meets(request, "far_future_cursor") and items:
        items[0]["submitted_at"] = FUTURE
    pages = -(-count // size)
    return reply(request, {"total_items": count, "page_count": pages, "items": items})


def _place(request: Request, token: str) -> tuple[int, int]:
    try:
        number = response_number(token)
        sql = "select updated from typeform_responses where id = ?"
        row = gate_of(request).database.execute(sql, (number,)).fetchone()
    except (ValueError, OverflowError):
        row = None
    if row is None:
        raise Refused(refusal(400, "the token in before or after is not known"))
    return row[0], number


def _form(id: str) -> Json:
    form = FORMS[id]
    kind = {"steps": form.highest - form.lowest + 1, "start_at_one": form.lowest == 1}
    fields = [
        {"id": f"f_{form.ref}_score", "ref": f"{form.ref}_score", "title": form.title,
         "type": form.kind, "properties": kind, "validations": {"required": False}},
        {"id": f"f_{form.ref}_reason", "ref": f"{form.ref}_reason", "title": "Tell us why",
         "type": "long_text", "properties": {}, "validations": {"required": False}},
        {"id": "f_contact_email", "ref": "contact_email", "title": "Your e-mail", "type": "email",
         "properties": {}, "validations": {"required": False}},
    ]  # fmt: skip
    return {
        "id": id,
        "type": "quiz",
        "title": form.title,
        "created_at": _MADE,
        "last_updated_at": _MADE,
        "settings": {"is_public": True, "is_trial": False},
        "self": {"href": f"https://api.typeform.example/forms/{id}"},
        "_links": {"display": f"https://lindenquell.typeform.example/to/{id}"},
        "hidden": ["user_id", "email", "ticket_id"],
        "fields": fields,
    }


def _moment(text: str) -> int:
    """Milliseconds of unix seconds or ISO 8601, to the second."""
    try:
        return int(text) * SECOND
    except ValueError:
        try:
            return parse_iso(text) // SECOND * SECOND
        except ValueError:
            raise Refused(refusal(400, f"{text!r} is no date")) from None


def _whole(value: Any, lowest: int, highest: int, name: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not lowest <= number <= highest:
        raise Refused(refusal(400, f"{name} must be between {lowest} and {highest}"))
    return number
