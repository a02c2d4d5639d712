"""A double of SendGrid's mail: a call is accepted for all in it or for nobody.

Shapes after https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. Who left the
unsubscribe group is accepted like the others and gets nothing. The same mail twice is two mails.

>>> MOST
1000
"""

import re
from typing import Any

from fastapi import Request, Response

from rapport_sandbox.call_gate import Refused, reply
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json
from rapport_sandbox.vendors.sendgrid.account import SUPPRESSIONS, account, refusal

VENDOR = "sendgrid_mail"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-sendgrid-mail", "extra": {}}
OPTIONS: dict[str, Any] = {
    "from": "Example <hello@example.com>",
    "templates": {"*": "d-0123456789abcdef0123456789abcdef"},
    "group": 5,
}
LIMITS = [("*", 600, 60.0)]
MOST = 1000
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


router = account(VENDOR)


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
