"""A double of Mailchimp: one audience, its members, merge fields and tags.

Shapes after https://mailchimp.com/developer/marketing/api/lists/. A batch answers 200 with an error
for each refused row; `status` in a row changes the member's, `status_if_new` does not; an address
that was deleted for good never comes back; the refusal at volume is a bare 403 page.

>>> member_id("Anna@Example.com") == member_id("anna@example.com")
True
"""

import hashlib
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, reply
from rapport_sandbox.shelf import Shelf, json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "mailchimp"
LOGIN: dict[str, Any] = {"login": "*", "password": "demo-not-a-secret-us1", "extra": {}}
LIMITS = [("*", 10, 1.0)]
AUDIENCE = "a1b2c3d4e5"
STANDARD = (("FNAME", "First Name"), ("LNAME", "Last Name"))
HTML = "<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>"


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """A problem document; there are no rate headers and no Retry-After."""
    if status == 403:
        return Response(HTML, 403, media_type="text/html")
    titles = {400: "Invalid Resource", 401: "API Key Invalid", 404: "Resource Not Found",
              429: "Too Many Requests"}  # fmt: skip
    title = titles.get(status, "Internal Server Error")
    body = {"type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title,
            "status": status, "detail": message or title, "instance": "sandbox"}  # fmt: skip
    return Response(encode(body), status, media_type="application/problem+json")


router = APIRouter(prefix="/mailchimp/3.0", dependencies=[Depends(door(VENDOR, refusal))])


def member_id(email: str) -> str:
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


@router.get("/lists")
async def audiences(request: Request) -> Response:
    return _rows(request, "lists", [{"id": AUDIENCE, "name": "Everybody"}])


@router.post("/lists/{audience}")
async def batch_members(request: Request, audience: str) -> Response:
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    rows = body.get("members")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 500:
        raise Refused(refusal(400, "members must hold between 1 and 500 rows"))
    answer: Json = {"new_members": [], "updated_members": [], "errors": []}
    seen: set[str] = set()
    for row in rows:
        error = _row_error(shelf, row, seen, bool(body.get("update_existing")))
        if error is not None:
            told = {"email_address": row.get("email_address"), "error_code": error,
                    "error": f"{row.get('email_address')}: {error}", "field": "",
                    "field_message": ""}  # fmt: skip
            answer["errors"].append(told)
            continue
        id = member_id(row["email_address"])
        held = shelf.get("members", id)
        answer["new_members" if held is None else "updated_members"].append(
            _write(request, shelf, id, held, row)
        )
    counts = {"total_created": len(answer["new_members"]),
              "total_updated": len(answer["updated_members"]),
              "error_count": len(answer["errors"])}  # fmt: skip
    return reply(request, {**answer, **counts})


@router.get("/lists/{audience}/members")
async def list_members(request: Request, audience: str) -> Response:
    """By default without those who are archived."""
    wanted = request.query_params.get("status")
    found = [body for _, body in _shelf(request, audience).list("members")
             if (body["status"] == wanted if wanted else body["status"] != "archived")]  # fmt: skip
    return _rows(request, "members", found)


@router.patch("/lists/{audience}/members/{id}")
async def update_member(request: Request, audience: str, id: str) -> Response:
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    held = shelf.get("members", id)
    if held is None:
        raise Refused(refusal(404))
    only_clears = set(body) == {"merge_fields"} and not any(body["merge_fields"].values())
    if not only_clears and held["status"] in ("unsubscribed", "cleaned"):
        refuse_said_no(request, VENDOR, id)
    return reply(request, _merged(shelf, id, held, body))


@router.post("/lists/{audience}/members/{id}/tags")
async def tag_member(request: Request, audience: str, id: str) -> Response:
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    if shelf.get("members", id) is None:
        raise Refused(refusal(404))
    for tag in body["tags"]:
        segment = next((s for s, b in shelf.list("segments") if b["name"] == tag["name"]), None)
        if segment is None:
            segment = _make_segment(shelf, tag["name"])
        _change(shelf, segment, [id] if tag["status"] == "active" else [],
                [id] if tag["status"] == "inactive" else [])  # fmt: skip
    return Response(status_code=204)


@router.post("/lists/{audience}/members/{id}/actions/delete-permanent")
async def forget_member(request: Request, audience: str, id: str) -> Response:
    shelf = _shelf(request, audience)
    if not shelf.drop("members", id):
        raise Refused(refusal(404))
    shelf.put("forgotten", id, {})
    for segment, body in list(shelf.list("segments")):
        _change(shelf, segment, [], [id] if id in body["members"] else [])
    return Response(status_code=204)


@router.get("/lists/{audience}/segments")
async def list_segments(request: Request, audience: str) -> Response:
    found = [_segment(id, body) for id, body in _shelf(request, audience).list("segments")]
    return _rows(request, "segments", found)


@router.post("/lists/{audience}/segments")
async def make_segment(request: Request, audience: str) -> Response:
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    if not body.get("name") or "static_segment" not in body:
        raise Refused(refusal(400, "name and static_segment are needed for a static segment"))
    id = _make_segment(shelf, body["name"])
    return reply(request, _segment(id, shelf.get("segments", id) or {}))


@router.post("/lists/{audience}/segments/{id}")
async def change_segment(request: Request, audience: str, id: str) -> Response:
    """Addresses that are not in the audience are passed over in silence."""
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    if shelf.get("segments", id) is None:
        raise Refused(refusal(404))
    joining, leaving = body.get("members_to_add", []), body.get("members_to_remove", [])
    if max(len(joining), len(leaving)) > 500:
        raise Refused(refusal(400, "at most 500 addresses"))
    for email in joining:
        held = shelf.get("members", member_id(email))
        if held is not None and held["status"] in ("unsubscribed", "cleaned"):
            refuse_said_no(request, VENDOR, held["id"])
    _change(shelf, id, list(map(member_id, joining)), list(map(member_id, leaving)))
    return reply(request, {"members_added": [], "members_removed": [], "errors": [],
                           "total_added": len(joining), "total_removed": len(leaving),
                           "error_count": 0})  # fmt: skip


@router.get("/lists/{audience}/segments/{id}/members")
async def segment_members(request: Request, audience: str, id: str) -> Response:
    shelf = _shelf(request, audience)
    inside = (shelf.get("segments", id) or {}).get("members", [])
    return _rows(request, "members", [shelf.get("members", member) for member in inside])


@router.get("/lists/{audience}/merge-fields")
async def list_fields(request: Request, audience: str) -> Response:
    found = [body for _, body in _shelf(request, audience).list("fields")]
    standard = [{"tag": tag, "name": name, "type": "text"} for tag, name in STANDARD]
    return _rows(request, "merge_fields", standard + found)


@router.post("/lists/{audience}/merge-fields")
async def make_field(request: Request, audience: str) -> Response:
    """The tag is made up where none is given."""
    shelf, body = _shelf(request, audience), await json_body(request, refusal)
    if body.get("type") not in ("text", "number", "date", "url", "phone"):
        raise Refused(refusal(400, "type is not one of the known types"))
    number = shelf.count("fields") + 3
    made = {"tag": body.get("tag") or f"MMERGE{number}", "name": body["name"],
            "type": body["type"]}  # fmt: skip
    shelf.put("fields", f"{number:03d}", made)
    return reply(request, made)


@router.get("/lists/{audience}/abuse-reports")
async def abuse_reports(request: Request, audience: str) -> Response:
    found = [body for _, body in _shelf(request, audience).list("abuse")]
    return _rows(request, "abuse_reports", found)


def _row_error(shelf: Shelf, row: Json, seen: set[str], updates: bool) -> str | None:
    email = str(row.get("email_address") or "")
    id = member_id(email)
    if "@" not in email or shelf.get("forgotten", id) is not None or id in seen:
        return "ERROR_GENERIC"
    seen.add(id)
    if shelf.get("members", id) is not None and not updates:
        return "ERROR_CONTACT_EXISTS"
    known = {body["tag"] for _, body in shelf.list("fields")} | {tag for tag, _ in STANDARD}
    return None if set(row.get("merge_fields", {})) <= known else "ERROR_GENERIC"


def _write(request: Request, shelf: Shelf, id: str, held: Json | None, row: Json) -> Json:
    if held is None:
        status = row.get("status") or row.get("status_if_new")
        if status not in ("subscribed", "unsubscribed", "pending"):
            raise Refused(refusal(400, "status is needed for a new member"))
        held = {"id": id, "email_address": row["email_address"], "status": status,
                "merge_fields": {}, "tags": []}  # fmt: skip
    elif held["status"] in ("unsubscribed", "cleaned"):
        refuse_said_no(request, VENDOR, id)
    if row.get("status"):
        held["status"] = row["status"]
    return _merged(shelf, id, held, row)


def _merged(shelf: Shelf, id: str, held: Json, body: Json) -> Json:
    fields = {**held["merge_fields"], **body.get("merge_fields", {})}
    held["merge_fields"] = {name: fields[name] for name in sorted(fields)}
    shelf.put("members", id, held)
    return held


def _make_segment(shelf: Shelf, name: str) -> str:
    id = str(1001 + shelf.count("segments"))
    shelf.put("segments", id, {"name": name, "members": []})
    return id


def _change(shelf: Shelf, id: str, joining: list[str], leaving: list[str]) -> None:
    body = shelf.get("segments", id) or {}
    there = {member for member in joining if shelf.get("members", member) is not None}
    body["members"] = sorted((set(body["members"]) | there) - set(leaving))
    shelf.put("segments", id, body)


def _segment(id: str, body: Json) -> Json:
    return {"id": int(id), "name": body["name"], "type": "static",
            "member_count": len(body["members"]), "list_id": AUDIENCE}  # fmt: skip


def _rows(request: Request, key: str, rows: list[Any]) -> Response:
    query = request.query_params
    count, offset = int(query.get("count", 10)), int(query.get("offset", 0))
    if count > 1000:
        raise Refused(refusal(400, "count is at most 1000"))
    shown = rows[offset : offset + count]
    return reply(request, {key: shown, "total_items": len(rows)})


def _shelf(request: Request, audience: str) -> Shelf:
    if audience != AUDIENCE:
        raise Refused(refusal(404))
    return shelf_of(request, VENDOR)
