"""A double of a person's own mail server: SMTP in front, and behind it what it was given.

A mail that comes by SMTP is handed on by HTTP to the sandbox itself, so that faults, records of
what was asked and violations work as for every vendor; the answer decides the reply. The server
begins to listen when its address is asked for. The same mail twice is two mails. Replies after
https://www.rfc-editor.org/rfc/rfc5321#section-4.2.

>>> reply_to(200), reply_to(503)
('250 2.0.0 Ok', '451 4.3.0 Try again later')
"""

import asyncio
import base64
import email
import email.policy
import logging
import threading
from functools import cache
from typing import Any

import httpx
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import door, reply
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import encode

VENDOR = "smtp"
LOGIN: dict[str, Any] = {
    "login": "demo",
    "password": "demo-not-a-secret-smtp",
    "extra": {"tls": "none"},
    "by_http": False,
}
OPTIONS: dict[str, Any] = {
    "from": "Example <hello@example.com>",
    "unsubscribe": "https://example.com/unsubscribe?c={customer_id}",
    "messages": {"*": {"subject": "Hello {first_name}", "body": "Hello. {unsubscribe}"}},
}
LIMITS = [("*", 6000, 60.0)]
SHOWN = ("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe",
         "List-Unsubscribe-Post", "Auto-Submitted")  # fmt: skip
# aiosmtpd writes down who gets what.
logging.getLogger("mail.log").addFilter(lambda record: False)
LISTENING: dict[str, asyncio.Server] = {}
LOCK = threading.Lock()


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    return Response(encode({"reply": code}), status, media_type="application/json")


router = APIRouter(prefix="/smtp", dependencies=[Depends(door(VENDOR, refusal))])


@router.get("/address")
def address(request: Request) -> Response:
    """Where this sandbox takes mail by SMTP."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    with LOCK:
        if base not in LISTENING:
            LISTENING[base] = asyncio.run_coroutine_threadsafe(_listen(base), _loop()).result(10)
    host, port = LISTENING[base].sockets[0].getsockname()
    return reply(request, {"host": host, "port": port})


async def _listen(base: str) -> asyncio.Server:
    loop, front = asyncio.get_running_loop(), Front(base)
    return await loop.create_server(
        lambda: SMTP(front, hostname="sandbox", auth_require_tls=False,
                     enable_SMTPUTF8=True, authenticator=judge, loop=loop),
        "127.0.0.1", 0,
    )  # fmt: skip


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """A loop in a thread of its own, for as long as the process lives."""
    loop = asyncio.SelectorEventLoop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def judge(
    server: Any, session: Session, envelope: Envelope, mechanism: str, given: Any
) -> AuthResult:
    known = LOGIN
    wanted = LoginPassword(known["login"].encode(), known["password"].encode())
    return AuthResult(success=given == wanted, handled=False)


@router.post("/mails")
async def take(request: Request) -> Response:
    """Keeps a mail; a mailbox on the shelf `unknown` is none, one on `complaints` said no."""
    shelf, mail = shelf_of(request, VENDOR), await json_body(request, refusal)
    to = mail["envelope_to"]
    if shelf.get("unknown", to) is not None:
        return refusal(422, code="550 5.1.1 <" + to + ">: no such user")
    if shelf.get("complaints", to) is not None:
        refuse_said_no(request, VENDOR, to)
    shelf.put("mails", f"{shelf.count('mails'):06d}", mail)
    return reply(request, {"reply": None})


class Front:
    """What aiosmtpd asks when a mail comes."""

    def __init__(self, base: str) -> None:
        login = f"{LOGIN['login']}:{LOGIN['password']}"
        self.url = f"{base}/smtp/mails"
        self.headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    async def handle_MAIL(  # noqa: N802 - the name is aiosmtpd's
        self, server: Any, session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = sender
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: Any, session: Session, envelope: Envelope, to: str, options: list[str]
    ) -> str:
        if "@" not in to.strip("@"):
            return f"553 5.1.3 {to}: bad address"
        envelope.rcpt_tos.append(to)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        found = email.message_from_bytes(content, policy=email.policy.default)
        texts = {part.get_content_type(): part.get_content() for part in found.walk()
                 if not part.is_multipart()}  # fmt: skip
        body = {"envelope_from": envelope.mail_from, "envelope_to": envelope.rcpt_tos[0],
                "headers": {name: str(found[name]) for name in SHOWN if found[name]},
                "texts": texts}  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(self.url, json=body, headers=self.headers)
        try:
            said = answer.json().get("reply")
        except ValueError:
            said = None
        return str(said) if said else reply_to(answer.status_code)


def reply_to(status: int) -> str:
    """The reply of SMTP for an answer of HTTP."""
    if status < 300:
        return "250 2.0.0 Ok"
    return "451 4.3.0 Try again later" if status >= 429 else "554 5.7.1 Refused"
