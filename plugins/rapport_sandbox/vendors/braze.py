"""A double of Braze: users by external id, and who unsubscribed or bounced.

Shapes after https://www.braze.com/docs/api/endpoints/user_data/post_user_track. A 201 says
"success" with `errors` for the rows that were not taken; null takes an attribute away.

>>> LARGEST
75
"""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "braze"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-braze", "extra": {}}
LIMITS = [("/users/track", 3000, 3.0)]
LARGEST = 75


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """There is no Retry-After."""
    body = {"message": message or {401: "Invalid API key"}.get(status, "refused")}
    return Response(encode(body), status, media_type="application/json")


router = APIRouter(prefix="/braze", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))])


@router.post("/users/track")
async def track(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    rows = body.get("attributes", [])
    if len(rows) > LARGEST:
        raise Refused(refusal(400, "at most 75 attributes"))
    if gate_of(request).limits.option(VENDOR, "says_queue_full", 0):
        return reply(request, {"message": "queue full"}, 201)
    errors, out = [], {body["email"] for _, body in shelf.list("unsubscribes")}
    for number, row in enumerate(rows):
        if "@" not in row.get("email", "@") or not row.get("external_id"):
            told = {"type": "'email' is not valid", "input_array": "attributes", "index": number}
            errors.append(told)
            continue
        if row.get("email") in out:
            refuse_said_no(request, VENDOR, row["external_id"])
        held = shelf.get("users", row["external_id"])
        if held is None and row.pop("_update_existing_only", False):
            continue
        kept: Json = {**(held or {}), **row}
        kept.pop("_update_existing_only", None)
        shelf.put("users", row["external_id"], {k: v for k, v in kept.items() if v is not None})
    answer: Json = {"message": "success", "attributes_processed": len(rows) - len(errors)}
    return reply(request, {**answer, "errors": errors} if errors else answer, 201)


@router.post("/users/delete")
async def delete_users(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    ids = body.get("external_ids", [])
    if not 1 <= len(ids) <= 50:
        raise Refused(refusal(400, "between 1 and 50 ids"))
    return reply(request, {"deleted": sum(shelf.drop("users", id) for id in ids),
                           "message": "success"}, 201)  # fmt: skip


@router.get("/email/unsubscribes")
async def unsubscribes(request: Request) -> Response:
    return _page(request, "unsubscribes")


@router.get("/email/hard_bounces")
async def hard_bounces(request: Request) -> Response:
    return _page(request, "bounces")


def _page(request: Request, kind: str) -> Response:
    query = request.query_params
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    if not query.get("end_date") or limit > 500:
        raise Refused(refusal(400, "end_date is needed, limit is at most 500"))
    rows: list[Any] = [body for _, body in shelf_of(request, VENDOR).list(kind)]
    return reply(request, {"emails": rows[offset : offset + limit], "message": "success"})
