"""A double of OneSignal: users of one app with tags, and pushes to them.

Shapes after https://documentation.onesignal.com/reference/rest-api-overview. A push that comes
again under its key answers as before and is sent once; one that reaches nobody is a 200 with an
empty id; one user that takes none is named in `errors`. A tag that is sent empty goes away.

>>> LARGEST
20000
"""

import uuid
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "onesignal"
LOGIN: dict[str, Any] = {
    "login": "00000000-0000-4000-8000-000000000001",
    "password": "demo-not-a-secret-onesignal",
    "extra": {},
}
SEGMENT: dict[str, Any] = {"channel": "push"}
LIMITS = [("/apps/*/users*", 1000, 1.0), ("/notifications", 150, 1.0)]
LARGEST = 20_000
NOBODY = "All included players are not subscribed"


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """A 429 names the seconds in a header without a hyphen."""
    said = "API rate limit exceeded." if status == 429 else message or "Something is wrong."
    errors = [{"code": code, "title": said}] if code and status != 401 else [said]
    headers = {"RetryAfter": str(int(retry_after))} if retry_after else {}
    return Response(encode({"errors": errors}), status, headers, "application/json")


router = APIRouter(prefix="/onesignal", dependencies=[Depends(door(VENDOR, refusal, scheme="Key"))])


@router.patch("/apps/{app}/users/by/external_id/{id:path}")
async def update_user(request: Request, app: str, id: str) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    _known(app)
    held = shelf.get("users", id)
    if held is None:
        raise Refused(refusal(404, "User not found", code="user-2"))
    shelf.put("users", id, _tagged(request, held, body))
    return reply(request, {"properties": body.get("properties", {})}, 202)


@router.post("/apps/{app}/users")
async def create_user(request: Request, app: str) -> Response:
    """Made, or changed where there is one; without a subscription nothing reaches it."""
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    _known(app)
    id = body.get("identity", {}).get("external_id")
    if not id:
        raise Refused(refusal(400, "identity is needed"))
    held = shelf.get("users", id) or {"tags": {}, "takes_push": False}
    shelf.put("users", id, _tagged(request, held, body))
    return reply(request, {"identity": {"external_id": id}}, 201)


@router.delete("/apps/{app}/users/by/external_id/{id:path}")
async def delete_user(request: Request, app: str, id: str) -> Response:
    _known(app)
    if not shelf_of(request, VENDOR).drop("users", id):
        raise Refused(refusal(404, "User not found", code="user-2"))
    return reply(request, {"identity": {"external_id": id}})


@router.post("/notifications")
async def send(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    ids = body.get("include_aliases", {}).get("external_id") or []
    key = str(body.get("idempotency_key", ""))
    _known(body.get("app_id"))
    if not 1 <= len(ids) <= LARGEST or not body.get("contents", {}).get("en"):
        raise Refused(refusal(400, "Message Notifications must have English language content"))
    try:
        before = shelf.get("keys", str(uuid.UUID(key))) if key else None
    except ValueError:
        raise Refused(refusal(400, "idempotency_key must be a UUID")) from None
    if before is not None:
        return reply(request, before)
    taking = [id for id in ids if (shelf.get("users", id) or {}).get("takes_push")]
    others = [id for id in ids if id not in taking]
    answer: Json = {"id": "", "errors": [NOBODY]}
    if taking:
        made = str(uuid.UUID(int=shelf.count("messages") + 1))
        shelf.put("messages", made, {"to": taking, "text": body["contents"]["en"]})
        answer = {"id": made, "external_id": key or None}
    if others and (taking or gate_of(request).limits.option(VENDOR, "names_users", 0)):
        answer["errors"] = {"invalid_external_user_ids": others}
    if key:
        shelf.put("keys", key, answer)
    return reply(request, answer)


def _tagged(request: Request, held: Json, body: Json) -> Json:
    tags = {**held["tags"], **body.get("properties", {}).get("tags", {})}
    tags = {name: value for name, value in tags.items() if value != ""}
    if len(tags) > gate_of(request).limits.option(VENDOR, "most_tags", 100):
        raise Refused(refusal(409, "Tag limit exceeded", code="entitlements-tag-limit"))
    return {**held, "tags": tags}


def _known(app: str | None) -> None:
    if app != LOGIN["login"]:
        raise Refused(refusal(400, "app_id not found"))
