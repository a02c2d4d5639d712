"""A double of SendGrid's mail: a call is accepted for all in it or for nobody.

Shapes after https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. Who left the
unsubscribe group is accepted like the others and gets nothing. The same mail twice is two mails.

>>> MOST
1000
"""

import re
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport.sandbox.gate import Refused, door, reply
from rapport.sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport.sandbox.store import Json, encode
from rapport.sandbox.twins.sendgrid import SUPPRESSIONS

VENDOR = "sendgrid_mail"
LIMITS = [("*", 600, 60.0)]
MOST = 1000
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body = {"errors": [{"message": message or "refused", "field": code, "help": None}]}
    headers = {"X-RateLimit-Reset": str(int(retry_after or 1))} if status == 429 else {}
    return Response(encode(body), status, headers, "application/json")


router = APIRouter(
    prefix="/sendgrid_mail/v3", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))]
)


@router.post("/mail/send")
async def send(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    rows: list[Json] = body.get("personalizations") or []
    if not 1 <= len(rows) <= MOST:
        raise Refused(refusal(400, "between 1 and 1000", code="personalizations"))
    if not ADDRESS.fullmatch((body.get("from") or {}).get("email", "")):
        raise Refused(refusal(400, "does not contain a valid address.", code="from.email"))
    if not re.fullmatch(r"d-[0-9a-f]{32}", body.get("template_id", "")):
        raise Refused(refusal(400, "The template_id must be a valid GUID", code="template_id"))
    for number, row in enumerate(rows):
        for to in row.get("to") or [{}]:
            if not ADDRESS.fullmatch(to.get("email", "")):
                place = f"personalizations.{number}.to.0.email"
                raise Refused(refusal(400, f"{to} is no valid address", code=place))
    group = str((body.get("asm") or {}).get("group_id", ""))
    left = (shelf.get("groups", group) or {"emails": []})["emails"]
    for row in rows:
        email = row["to"][0]["email"]
        if any(shelf.get(kind, email.lower()) for kind in SUPPRESSIONS):
            refuse_said_no(request, VENDOR, row["custom_args"]["customer_id"])
        elif email not in left:
            mail = {**row, **{name: body.get(name) for name in ("from", "template_id", "asm")}}
            shelf.put("mails", f"{shelf.count('mails'):06d}", mail)
    return reply(request, {}, 202)


@router.post("/recipients/erasejob")
async def erase(request: Request) -> Response:
    body = await json_body(request, refusal)
    if not 1 <= len(body.get("email_addresses") or []) <= 5000:
        raise Refused(refusal(400))
    return reply(request, {"job_id": "x"}, 202)


@router.get("/suppression/{kind}")
async def suppressions(request: Request, kind: str) -> Response:
    if kind not in SUPPRESSIONS:
        raise Refused(refusal(404))
    query = request.query_params
    limit, offset = int(query.get("limit", 500)), int(query.get("offset", 0))
    rows: list[Any] = [body for _, body in shelf_of(request, VENDOR).list(kind)]
    return Response(encode(rows[offset : offset + limit]), media_type="application/json")


@router.get("/asm/groups/{id}/suppressions")
async def group_suppressions(request: Request, id: str) -> Response:
    held = shelf_of(request, VENDOR).get("groups", id) or {"emails": []}
    return Response(encode(held["emails"]), media_type="application/json")
