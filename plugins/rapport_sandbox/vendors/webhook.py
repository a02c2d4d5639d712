"""A receiver of signed webhooks, as somebody would write it who only read the standard.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
HMAC over `id.timestamp.body`, five minutes of tolerance, a message is taken once.

>>> signature(b"key", "msg_1", "1", b"{}")
'v1,jKGHVBDuJf5ZbCMVrrutoMHDN1OlFFCE9iogVIO9MLQ='
"""

import base64
import hashlib
import hmac
import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply, retry_after_headers
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import encode

VENDOR = "webhook"
LOGIN: dict[str, Any] = {
    "login": "",
    # base64 of demo-not-a-secret-webhook-key-01
    "password": "whsec_ZGVtby1ub3QtYS1zZWNyZXQtd2ViaG9vay1rZXktMDE=",
    "extra": {"allow_private": True},
}
LIMITS = [("*", 50, 1.0)]
TOLERANCE = 300


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body = {"code": code or f"status_{status}", "message": message or "refused"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def signature(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """What the header must hold for a body that came as these bytes."""
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def is_signed(request: Request) -> bool:
    """The headers are there and of now; what they sign is checked with the body."""
    timestamp = request.headers.get("webhook-timestamp", "")
    is_now = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= TOLERANCE
    return is_now and "webhook-id" in request.headers


router = APIRouter(
    prefix="/webhook", dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_signed))]
)


@router.post("")
async def receive(request: Request) -> Response:
    """Rows with an address that is none are refused one by one, or with option `strict` all."""
    shelf, raw = shelf_of(request, VENDOR), await request.body()
    id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    key = base64.b64decode(LOGIN["password"].removeprefix("whsec_"))
    given = request.headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(one, signature(key, id, timestamp, raw)) for one in given):
        raise Refused(refusal(401))
    message = await json_body(request, refusal)
    data = message["data"]
    bad = [p["customer_id"] for p in data["people"] if "@" not in (p["email"] or "@")]
    if bad and gate_of(request).limits.option(VENDOR, "strict", 0):
        raise Refused(refusal(422, code="bad_row"))
    if shelf.get("messages", id) is None:
        shelf.put("messages", id, {"type": message["type"], "rows": len(data["people"])})
        for person in data["people"]:
            place = f"{data['segment']}/{person['customer_id']}"
            shelf.drop("people", place)
            if message["type"] == "segment.upserted" and person["customer_id"] not in bad:
                shelf.put("people", place, person)
    errors = [{"customer_id": one, "code": "bad_address"} for one in bad]
    return reply(request, {"errors": errors} if errors else {})
