"""A double of Slack: a bot that may post into one channel. Every failure but a 429 is a 200.

Shapes after https://docs.slack.dev/reference/methods/chat.postMessage.

>>> CHANNELS
('#marketing',)
"""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import door, reply, retry_after_headers
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import encode

VENDOR = "slack"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-slack", "extra": {}}
OPTIONS: dict[str, Any] = {"channel": "#marketing"}
LIMITS = [("/api/chat.postMessage", 1, 1.0)]
CHANNELS = ("#marketing",)
_ERRORS = {401: "invalid_auth", 403: "missing_scope", 429: "ratelimited", 503: "internal_error"}


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """A wrong token is a 200 too."""
    error = code or _ERRORS.get(status, "fatal_error")
    headers = retry_after_headers(retry_after, style) if status == 429 else {}
    shown = 429 if status == 429 else 500 if status == 500 else 200
    return Response(encode({"ok": False, "error": error}), shown, headers, "application/json")


router = APIRouter(
    prefix="/slack/api", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))]
)


@router.post("/chat.postMessage")
async def post_message(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    if body.get("channel") not in CHANNELS:
        return refusal(400, code="channel_not_found")
    if not body.get("text"):
        return refusal(400, code="no_text")
    moment = f"{1774926000 + shelf.count('messages')}.000100"
    shelf.put("messages", moment, {"text": body["text"]})
    return reply(request, {"ok": True, "channel": "C0001", "ts": moment})
