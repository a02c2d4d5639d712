"""A double of Intercom as the messaging tool: contacts, tags, attributes, the inbox.

Shapes after https://developers.intercom.com/docs/references/rest-api/api.intercom.io (2.14). A
write about a person who unsubscribed here is refused and kept as a violation; leaving a tag,
archiving and deleting are always allowed.

>>> contact_id("Anna@Example.com", None) == contact_id("anna@example.com", None)
True
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import hashlib
import re
import sqlite3
import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply
from rapport_sandbox.clock import SECOND
from rapport_sandbox.projection import total
from rapport_sandbox.store import Json, as_text, decode, encode
from rapport_sandbox.vendors.intercom import search
from rapport_sandbox.vendors.intercom.inbox import conversations, inbox

VENDOR = "intercom"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-intercom", "extra": {}}
LIMITS = [("*", 1667, 10.0)]
DECLARED = 10_000
WRITABLE = frozenset(
    [
        "role",
        "phone",
        "name",
        "avatar",
        "signed_up_at",
        "last_seen_at",
        "owner_id",
        "language_override",
    ]
)
# Paths at which no record of this double names a person, by stream, and why.
UNNAMED = {"contacts external_id": "only Rapport writes it, with what it sends"}
COLUMNS = "id, external_id, email, created, updated, is_out, body"
_CODES = {
    400: ("parameter_invalid", "Parameter invalid"),
    401: ("unauthorized", "Access Token Invalid"),
    403: ("api_plan_restricted", "Forbidden"),
    404: ("not_found", "User Not Found"),
    429: ("rate_limit_exceeded", "You have exceeded the rate limit"),
    503: ("service_unavailable", "Service unavailable"),
}


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """There is no Retry-After here: a 429 tells the unix second of the reset."""
    known = _CODES.get(status, ("server_error", "Server error"))
    if code == "expired":
        code = "token_revoked"
    errors = [{"code": code or known[0], "message": message or known[1], "field": None}]
    headers = {}
    if status == 429:
        reset = int(time.time() + (retry_after or 10)) + 1
        headers = _limit_headers(0, reset)
    body = {"type": "error.list", "request_id": "0000000000000000sandbox", "errors": errors}
    return Response(encode(body), status, headers, "application/json")


router = APIRouter(
    prefix="/intercom", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))]
)
router.include_router(inbox)


def contact_id(email: str | None, external_id: str | None) -> str:
    """24 hex digits out of who it is, so that the order of creation does not matter."""
    mark = f"intercom/{(email or external_id or '').lower()}"
    return hashlib.blake2b(mark.encode(), digest_size=12).hexdigest()


async def held(request: Request, since: int) -> dict[str, int]:
    """How many contacts and conversations there are."""
    return {
        "contacts": total(request, "intercom_contacts"),
        "conversations": conversations(request),
    }


@router.get("/me")
async def me(request: Request) -> Response:
    """For a check of the login."""
    return _answer(request, {"type": "admin", "id": "1", "app": {"id_code": "sandbox"}})


@router.get("/contacts")
async def list_contacts(request: Request) -> Response:
    query = request.query_params
    return _page(request, "true", [], query.get("per_page", 50), query.get("starting_after"))


@router.post("/contacts/search")
async def search_contacts(request: Request) -> Response:
    body = await _body(request)
    try:
        where, values = search.compile(body.get("query"))
    except ValueError as error:
        raise Refused(refusal(400, str(error))) from None
    paging = body.get("pagination") or {}
    return _page(request, where, values, paging.get("per_page", 50), paging.get("starting_after"))


@router.get("/contacts/find_by_external_id/{external_id}")
async def find_by_external_id(request: Request, external_id: str) -> Response:
    row = _row(request, "external_id", external_id)
    if row is None or decode(row[6])["role"] != "user":
        raise Refused(refusal(404))
    return _answer(request, _contact(request, row))


@router.get("/contacts/{id}")
async def read_contact(request: Request, id: str) -> Response:
    return _answer(request, _contact(request, _existing(request, id)))


@router.post("/contacts")
async def create_contact(request: Request) -> Response:
    body, gate = await _body(request), gate_of(request)
    _refuse_without_consent(request, body)
    email, external_id = body.get("email"), body.get("external_id")
    if not email and not external_id:
        raise Refused(refusal(400, "one of email or external_id is required"))
    _check_attributes(request, body)
    held = (_row(request, "lower(email)", email.lower()) if email else None) or (
        _row(request, "external_id", external_id) if external_id else None
    )
    if held is not None:
        _refuse_said_no(request, held, body)
        message = f"A contact matching those details already exists with id={held[0]}"
        raise Refused(refusal(409, message, code="conflict"))
    id, now = contact_id(email, external_id), gate.as_of // SECOND
    stored: Json = {"name": None, "phone": None, "role": "user", "custom_attributes": {}}
    _merge(stored, body)
    gate.database.execute(
        "insert into intercom_contacts values (?, ?, ?, ?, ?, ?, ?)",
        (id, external_id, email, now, now, int(bool(body.get("unsubscribed_from_emails"))),
         as_text(stored)),
    )  # fmt: skip
    return _answer(request, _contact(request, _existing(request, id)))


@router.put("/contacts/{id}")
async def update_contact(request: Request, id: str) -> Response:
    row, body, gate = _existing(request, id), await _body(request), gate_of(request)
    _check_attributes(request, body)
    _refuse_said_no(request, row, body)
    _refuse_without_consent(request, body)
    stored = decode(row[6])
    _merge(stored, body)
    email, external_id = body.get("email", row[2]), body.get("external_id", row[1])
    try:
        gate.database.execute(
            "update intercom_contacts set external_id = ?, email = ?, updated = ?, is_out = ?,"
            " body = ? where id = ?",
            (external_id, email, gate.as_of // SECOND,
             int(bool(body.get("unsubscribed_from_emails", row[5]))), as_text(stored), id),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        held = _row(request, "external_id", external_id)
        if held is None or held[0] == id:
            held = _row(request, "lower(email)", str(email).lower())
        message = (
            f"A contact matching those details already exists with id={held[0] if held else ''}"
        )
        raise Refused(refusal(409, message, code="conflict")) from None
    return _answer(request, _contact(request, _existing(request, id)))


@router.delete("/contacts/{id}")
async def delete_contact(request: Request, id: str) -> Response:
    row, database = _existing(request, id), gate_of(request).database
    database.execute("delete from intercom_contact_tags where contact_id = ?", (id,))
    database.execute("delete from intercom_contacts where id = ?", (id,))
    body = {"type": "contact", "id": id, "external_id": row[1], "deleted": True}
    return _answer(request, body)


@router.post("/contacts/{id}/archive")
async def archive_contact(request: Request, id: str) -> Response:
    return _set_archived(request, id, True)


@router.post("/contacts/{id}/unarchive")
async def unarchive_contact(request: Request, id: str) -> Response:
    return _set_archived(request, id, False)


@router.get("/contacts/{id}/tags")
async def contact_tags(request: Request, id: str) -> Response:
    _existing(request, id)
    return _answer(request, {"type": "list", "data": _tags(request, id)})


@router.post("/contacts/{id}/tags")
async def attach_tag(request: Request, id: str) -> Response:
    row, body = _existing(request, id), await _body(request)
    tag = _tag(request, body.get("id"))
    _refuse_said_no(request, row, {"tag": tag["id"]})
    _refuse_without_consent(request, {"external_id": row[1], "email": row[2]})
    _attach(request, id, int(tag["id"]))
    return _answer(request, tag)


@router.delete("/contacts/{id}/tags/{tag_id}")
async def detach_tag(request: Request, id: str, tag_id: str) -> Response:
    _existing(request, id)
    tag = _tag(request, tag_id)
    _detach(request, id, int(tag["id"]))
    return _answer(request, tag)


@router.get("/tags")
async def list_tags(request: Request) -> Response:
    rows = gate_of(request).database.execute("select id, name from intercom_tags order by id")
    data = [{"type": "tag", "id": str(id), "name": name} for id, name in rows]
    return _answer(request, {"type": "list", "data": data})


@router.get("/tags/{id}")
async def read_tag(request: Request, id: str) -> Response:
    return _answer(request, _tag(request, id))


@router.post("/tags")
async def make_tag(request: Request) -> Response:
    """Makes the tag if need be; with `users` puts it on, or takes it off those with `untag`."""
    body, database = await _body(request), gate_of(request).database
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise Refused(refusal(400, "invalid tag parameters"))
    users = [(_existing(request, str(user.get("id"))), bool(user.get("untag")))
             for user in body.get("users", [])]  # fmt: skip
    for row, leaves in users:
        if not leaves:
            _refuse_said_no(request, row, {"tag": name})
    database.execute("insert or ignore into intercom_tags (name) values (?)", (name,))
    sql = "select id, name from intercom_tags where name = ?"
    id, name = database.execute(sql, (name,)).fetchone()
    for row, leaves in users:
        (_detach if leaves else _attach)(request, row[0], id)
    return _answer(request, {"type": "tag", "id": str(id), "name": name})


@router.delete("/tags/{id}")
async def delete_tag(request: Request, id: str) -> Response:
    tag, database = _tag(request, id), gate_of(request).database
    database.execute("delete from intercom_contact_tags where tag_id = ?", (tag["id"],))
    database.execute("delete from intercom_tags where id = ?", (tag["id"],))
    return _answer(request, {})


@router.get("/data_attributes")
async def list_attributes(request: Request) -> Response:
    model = request.query_params.get("model", "%")
    rows = gate_of(request).database.execute(
        "select id, name, model, data_type, body from intercom_attributes where model like ?"
        " order by id",
        (model,),
    )
    return _answer(request, {"type": "list", "data": [_attribute(row) for row in rows]})


@router.post("/data_attributes")
async def create_attribute(request: Request) -> Response:
    body, database = await _body(request), gate_of(request).database
    name, model, kind = (str(body.get(key) or "") for key in ("name", "model", "data_type"))
    if not name or model not in ("contact", "company"):
        raise Refused(refusal(400, "name and model are required"))
    if not re.fullmatch(r"[\w $€£¥-]+", name):
        message = "Your name for this attribute must only contain alphanumeric characters, currency"
        raise Refused(refusal(400, f"{message} symbols, and hyphens"))
    if kind not in ("string", "integer", "float", "boolean", "datetime", "date", "options"):
        raise Refused(refusal(400, "data_type is not one of the known types"))
    stored = {"label": name, "description": body.get("description", ""), "custom": True,
              "api_writable": True}  # fmt: skip
    try:
        database.execute(
            "insert into intercom_attributes (name, model, data_type, body) values (?, ?, ?, ?)",
            (name, model, kind, as_text(stored)),
        )
    except sqlite3.IntegrityError:
        message = f"You already have '{name}' in your {model} data."
        raise Refused(refusal(400, message)) from None
    row = database.execute(
        "select id, name, model, data_type, body from intercom_attributes"
        " where model = ? and name = ?",
        (model, name),
    ).fetchone()
    return _answer(request, _attribute(row))


def _page(
    request: Request, where: str, values: list[Any], size: Any, token: str | None
) -> Response:
    database = gate_of(request).database
    try:
        size = int(size)
    except (TypeError, ValueError):
        size = 0
    if not 1 <= size <= 150:
        raise Refused(refusal(400, "per_page must be between 1 and 150"))
    total = database.execute(
        f"select count(*) from intercom_contacts where {where}", values
    ).fetchone()[0]
    sign = ">=" if meets(request, "shift_page") else ">"
    rows = database.execute(
        f"select {COLUMNS} from intercom_contacts where {where} and id {sign} ?"
        " order by id limit ?",
        [*values, token or "", size + 1],
    ).fetchall()
    pages: Json = {"type": "pages", "page": 1, "per_page": size, "total_pages": -(-total // size)}
    more = len(rows) > size
    rows = [] if meets(request, "empty") else rows[:size]
    following = rows[-1][0] if more and rows else None
    if meets(request, "repeat_token") and token:
        following = token
    if following:
        pages["next"] = {"page": 2, "starting_after": following}
    data = [_contact(request, row) for row in rows]
    if meets(request, "far_future_cursor") and data:
        data[0]["updated_at"] = 4_070_908_800
    return _answer(request, {"type": "list", "data": data, "total_count": total, "pages": pages})


def _contact(request: Request, row: Any) -> Json:
    id, external_id, email, created, updated, is_out, body = row
    stored, tags = decode(body), _tags(request, id)
    short = [{"id": tag["id"], "type": "tag", "url": f"/tags/{tag['id']}"} for tag in tags[:10]]
    return {
        "type": "contact",
        "id": id,
        "workspace_id": "sandbox",
        "external_id": external_id,
        "role": stored["role"],
        "email": email,
        "phone": stored["phone"],
        "name": stored["name"],
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": bool(is_out),
        "created_at": created,
        "updated_at": updated,
        "signed_up_at": stored.get("signed_up_at"),
        "last_seen_at": stored.get("last_seen_at"),
        "archived": bool(stored.get("archived")),
        "custom_attributes": stored["custom_attributes"],
        "tags": {"type": "list", "data": short, "url": f"/contacts/{id}/tags",
                 "total_count": len(tags), "has_more": len(tags) > 10},
        "companies": {"type": "list", "data": [], "url": f"/contacts/{id}/companies",
                      "total_count": 0, "has_more": False},
    }  # fmt: skip


def _merge(stored: Json, body: Json) -> None:
    """Known fields only; custom attributes one by one, null takes one away."""
    attributes = body.get("custom_attributes") or {}
    for name in WRITABLE - {
        "custom_attributes",
        "external_id",
        "email",
        "unsubscribed_from_emails",
    }:
        if name in body:
            stored[name] = body[name]
    merged = {**stored["custom_attributes"], **attributes}
    stored["custom_attributes"] = {k: v for k, v in sorted(merged.items()) if v is not None}


def _check_attributes(request: Request, body: Json) -> None:
    if body.get("role", "user") not in ("user", "lead"):
        raise Refused(refusal(400, "role must be user or lead"))
    database = gate_of(request).database
    known = {row[0] for row in database.execute(
        "select name from intercom_attributes where model = 'contact'"
    )}  # fmt: skip
    for name in body.get("custom_attributes") or {}:
        if name not in known:
            raise Refused(refusal(400, f"Custom attribute '{name}' does not exist"))


def _refuse_said_no(request: Request, row: Any, body: Json) -> None:
    """Raises Refused where the payload is about somebody who unsubscribed here."""
    attributes = body.get("custom_attributes") or {}
    only_clears = set(body) <= {"custom_attributes", "unsubscribed_from_emails"} and all(
        value is None for value in attributes.values()
    )
    stays_out = body.get("unsubscribed_from_emails", True) is True
    if row[5] and not (only_clears and stays_out):
        gate_of(request).violation(VENDOR, "unsubscribed", request, contact_id=row[0])
        message = "sandbox: this person unsubscribed here, nothing about them may be sent"
        raise Refused(refusal(403, message, code="action_forbidden"))


def _refuse_without_consent(request: Request, body: Json) -> None:
    """Raises Refused where the payload names somebody of whom a test says that they said no."""
    named = {str(body.get(name) or "").lower() for name in ("external_id", "email")}
    if named & gate_of(request).refusers:
        gate_of(request).violation(VENDOR, "no_consent", request)
        message = "sandbox: this person said no, nothing about them may be sent"
        raise Refused(refusal(403, message, code="action_forbidden"))


def _set_archived(request: Request, id: str, archived: bool) -> Response:
    row, database = _existing(request, id), gate_of(request).database
    stored = {**decode(row[6]), "archived": archived}
    sql = "update intercom_contacts set body = ? where id = ?"
    database.execute(sql, (as_text(stored), id))
    body = {"type": "contact", "id": id, "external_id": row[1], "archived": archived}
    return _answer(request, body)


def _tags(request: Request, id: str) -> list[Json]:
    rows = gate_of(request).database.execute(
        "select t.id, t.name, x.applied from intercom_contact_tags x join intercom_tags t"
        " on t.id = x.tag_id where x.contact_id = ? order by t.name",
        (id,),
    )
    by = {"type": "admin", "id": "1"}
    return [
        {"type": "tag", "id": str(tag), "name": name, "applied_at": applied, "applied_by": by}
        for tag, name, applied in rows
    ]


def _tag(request: Request, id: Any) -> Json:
    sql = "select id, name from intercom_tags where id = ?"
    row = gate_of(request).database.execute(sql, (str(id),)).fetchone()
    if row is None:
        raise Refused(refusal(404, "Tag Not Found"))
    return {"type": "tag", "id": str(row[0]), "name": row[1]}


def _attach(request: Request, id: str, tag_id: int) -> None:
    gate = gate_of(request)
    sql = "insert or ignore into intercom_contact_tags values (?, ?, ?)"
    gate.database.execute(sql, (id, tag_id, gate.as_of // SECOND))


def _detach(request: Request, id: str, tag_id: int) -> None:
    sql = "delete from intercom_contact_tags where contact_id = ? and tag_id = ?"
    gate_of(request).database.execute(sql, (id, tag_id))


def _attribute(row: Any) -> Json:
    id, name, model, kind, body = row
    stored = decode(body)
    full = f"custom_attributes.{name}" if stored["custom"] else name
    return {"type": "data_attribute", "id": id, "name": name, "full_name": full, "model": model,
            "data_type": kind, "ui_writable": False, "messenger_writable": False,
            "archived": False, **stored}  # fmt: skip


def _row(request: Request, column: str, value: str) -> Any:
    sql = f"select {COLUMNS} from intercom_contacts where {column} = ?"
    return gate_of(request).database.execute(sql, (value,)).fetchone()


def _existing(request: Request, id: str) -> Any:
    row = _row(request, "id", id)
    if row is None:
        raise Refused(refusal(404))
    return row


async def _body(request: Request) -> Json:
    try:
        body = decode(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(refusal(400, "the body must be a JSON object", code="bad_request"))
    return body


def _limit_headers(remaining: int, reset: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(DECLARED),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
    }


def _answer(request: Request, payload: Json) -> Response:
    remaining = gate_of(request).limits.remaining(VENDOR, DECLARED - 1)
    headers = _limit_headers(remaining, int(time.time()) // 10 * 10 + 10)
    return reply(request, payload, headers=headers)
