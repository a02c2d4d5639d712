"""A double of Twilio's messages: sent ones, inbound ones, and numbers that said STOP.

Shapes after https://www.twilio.com/docs/messaging/api/message-resource. A number that opted out is
refused with 21610; the same message twice is two messages.

>>> message_sid(7)
'SM00000000000000000000000000000007'
"""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply
from rapport_sandbox.clock import iso
from rapport_sandbox.shelf import refuse_said_no, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "twilio"
LOGIN: dict[str, Any] = {
    "login": "AC00000000000000000000000000000000",
    "password": "demo-not-a-secret-twilio",
    "extra": {},
}
OPTIONS: dict[str, Any] = {"from": "+15005550006", "messages": {"*": "Hello {first_name}"}}
SEGMENT: dict[str, Any] = {"channel": "sms", "purpose": "service", "mode": "add-only"}
LIMITS = [("*", 100, 1.0)]


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """The code is a number; a 429 has no Retry-After."""
    number = int(code) if code and code.isdigit() else {401: 20003, 429: 20429}.get(status, 20001)
    body = {"code": number, "message": message or "refused", "status": status,
            "more_info": f"https://www.twilio.com/docs/errors/{number}"}  # fmt: skip
    return Response(encode(body), status, media_type="application/json")


router = APIRouter(
    prefix="/twilio/2010-04-01/Accounts/{account}", dependencies=[Depends(door(VENDOR, refusal))]
)


def message_sid(number: int) -> str:
    return f"SM{number:032x}"


@router.post("/Messages.json")
async def send(request: Request, account: str) -> Response:
    shelf, gate = shelf_of(request, VENDOR), gate_of(request)
    form = dict(parse_qsl((await request.body()).decode()))
    to, sender = form.get("To", ""), form.get("From") or form.get("MessagingServiceSid")
    if not sender or not form.get("Body"):
        raise Refused(refusal(400, "a sender and a body are needed", code="21602"))
    if not re.fullmatch(r"\+\d{7,15}", to):
        raise Refused(refusal(400, f"{to} is not a phone number", code="21211"))
    if shelf.get("stopped", to) is not None:
        refuse_said_no(request, VENDOR, "a number", refusal(400, f"{to} said STOP", code="21610"))
    sid = message_sid(shelf.count("messages") + 1)
    made = {"sid": sid, "to": to, "from": sender, "body": form["Body"], "status": "queued",
            "direction": "outbound-api", "date_sent": iso(gate.as_of)}  # fmt: skip
    shelf.put("messages", sid, made)
    return reply(request, made, 201)


@router.get("/Messages.json")
async def list_messages(request: Request, account: str) -> Response:
    """The newest first."""
    query = request.query_params
    rows: list[Any] = [
        body for _, body in shelf_of(request, VENDOR).list("messages")
        if query.get("To", body["to"]) == body["to"]
        and query.get("From", body["from"]) == body["from"]
        and body["date_sent"] >= query.get("DateSent>", "")
    ]  # fmt: skip
    rows.reverse()
    size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
    answer: Json = {"messages": rows[page * size : page * size + size], "next_page_uri": None}
    if (page + 1) * size < len(rows):
        following = urlencode({**query, "Page": page + 1})
        answer["next_page_uri"] = f"{request.url.path.removeprefix('/twilio')}?{following}"
    return reply(request, answer)


@router.delete("/Messages/{sid}.json")
async def delete_message(request: Request, account: str, sid: str) -> Response:
    if not shelf_of(request, VENDOR).drop("messages", sid):
        raise Refused(refusal(404))
    return Response(status_code=204)
