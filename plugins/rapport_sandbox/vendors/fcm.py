"""A double of Firebase Cloud Messaging: a login by a signed assertion, and one message a call.

Shapes after https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. The same message
twice is two messages. A device whose app is gone is a 404 UNREGISTERED.

>>> claims_of("no.assertion.here") is None
True
"""

import base64
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, reply, retry_after_headers
from rapport_sandbox.demo_key import is_signed, private_key
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import Json, decode, encode

VENDOR = "fcm"
LOGIN: dict[str, Any] = {
    "login": "demo@example.iam.gserviceaccount.com",
    "password": private_key(),
    "extra": {"project_id": "demo-project"},
}
OPTIONS: dict[str, Any] = {"topic": "user_{user_id}", "messages": {"*": "Hello {first_name}"}}
SEGMENT: dict[str, Any] = {"channel": "push", "mode": "add-only"}
LIMITS = [("/v1/projects/*", 10_000, 1.0)]
TOKEN = "demo-access-token"  # noqa: S105 - opens nothing
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
NAMES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
         404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}  # fmt: skip


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """The code of FCM itself stands in the details."""
    found = {429: "QUOTA_EXCEEDED", 400: "INVALID_ARGUMENT"}.get(status, code)
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": kind, "errorCode": code or found}] if found and status != 401 else []
    error = {"code": status, "message": message or "refused", "details": details,
             "status": NAMES.get(status, "INTERNAL")}  # fmt: skip
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"error": error}), status, headers, "application/json")


def is_allowed(request: Request) -> bool:
    """Anybody may ask for a token; the assertion decides."""
    if request.url.path.endswith("/token"):
        return True
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {TOKEN}".encode())


router = APIRouter(
    prefix="/fcm", dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed))]
)


@router.post("/token")
async def token(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    claims = claims_of(form.get("assertion", ""))
    wanted = {"iss": LOGIN["login"], "scope": SCOPE, "aud": str(request.url)}
    is_right = claims is not None and wanted.items() <= claims.items()
    if form.get("grant_type") != GRANT or not is_right:
        return Response(encode({"error": "invalid_grant"}), 400, media_type="application/json")
    return reply(request, {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})


@router.post("/v1/projects/{project}/messages:send")
async def send(request: Request, project: str) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    message: Json = body.get("message") or {}
    if project != LOGIN["extra"]["project_id"]:
        raise Refused(refusal(403, "no such project"))
    if ("token" in message) == ("topic" in message) or not message.get("notification"):
        raise Refused(refusal(400, "a token or a topic, and a notification"))
    device = shelf.get("devices", message.get("token", ""))
    if "topic" in message and not re.fullmatch(r"[a-zA-Z0-9\-_.~%]+", message["topic"]):
        raise Refused(refusal(400, f"{message['topic']} is no topic"))
    if "token" in message and device is None:
        raise Refused(refusal(400, "The registration token is not a valid FCM registration token"))
    if device and device.get("error"):
        raise Refused(refusal(device["status"], "refused", code=device["error"]))
    name = f"projects/{project}/messages/{shelf.count('messages') + 1:06d}"
    shelf.put("messages", name, message)
    return reply(request, {"name": name})


def claims_of(assertion: str) -> Json | None:
    """What a JWT says, None where the demo's key did not sign it."""
    head, _, signature = assertion.rpartition(".")
    try:
        if not is_signed(head.encode(), _decoded(signature)):
            return None
        found = decode(_decoded(head.partition(".")[2]))
    except (ValueError, OverflowError):
        return None
    return found if isinstance(found, dict) else None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
