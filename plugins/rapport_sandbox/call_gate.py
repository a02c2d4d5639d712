"""The gate of every double: counts the call, checks the login, and applies faults and rate limits.

>>> Gate.key("GET", "/postbox/crm/v3/objects/{kind}")
'GET /crm/v3/objects/{kind}'
"""

import asyncio
import base64
import email.utils
import hmac
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import Request, Response

from rapport_sandbox.company import DATABASE, Company
from rapport_sandbox.faults import STATUS_KINDS, Plan
from rapport_sandbox.limits import Limits
from rapport_sandbox.store import as_text, connect, encode

Refusal = Callable[..., Response]
HTML = "<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>"
FUTURE = "2099-01-01T00:00:00Z"


class Refused(Exception):
    """Raised to end a call early with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Gate:
    """The state that all doubles of a running sandbox share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database: sqlite3.Connection = connect(root / DATABASE)
        self.calls: dict[str, Counter[str]] = {}
        self.faults = Plan()
        self.limits = Limits()
        self.refusers: frozenset[str] = frozenset()

    @staticmethod
    def key(method: str, template: str) -> str:
        return f"{method} /{template.lstrip('/').partition('/')[2]}"

    @property
    def as_of(self) -> int:
        """The company's current time in ms. It is read each time; another process may change it."""
        return Company.of(self.database).as_of

    def violation(self, vendor: str, kind: str, request: Request, **details: Any) -> None:
        body = {"vendor": vendor, "kind": kind, "method": request.method,
                "path": request.url.path, **details}  # fmt: skip
        self.database.execute("insert into violations (body) values (?)", (as_text(body),))


def door(
    vendor: str,
    refusal: Refusal,
    is_bearer: bool = False,
    scheme: str = "",
    is_allowed: Callable[[Request], bool] | None = None,
) -> Callable[[Request], Awaitable[None]]:
    """The FastAPI dependency that runs before every route of a vendor.

    `scheme` is the scheme of the Authorization header, by default `Bearer` if `is_bearer`, else
    `Basic`. If the demo login is `*`, any user name is accepted with the password. `is_allowed`
    checks any other kind of login.
    """
    scheme = scheme or ("Bearer" if is_bearer else "Basic")

    async def enter(request: Request) -> None:
        gate: Gate = request.app.state.gate
        template = request.scope["route"].path
        path = request.url.path.removeprefix(f"/{vendor}")
        gate.calls.setdefault(vendor, Counter())[Gate.key(request.method, template)] += 1
        request.state.fault = None
        check = is_allowed or (lambda call: _is_authorised(call, vendor, scheme))
        if not check(request):
            raise Refused(refusal(401))
        fault = gate.faults.next(vendor, path, template.removeprefix(f"/{vendor}"))
        if fault is not None:
            await _apply(request, refusal, fault)
        wait = gate.limits.take(vendor, path)
        if wait > 0:
            raise Refused(refusal(429, retry_after=wait))

    return enter


def gate_of(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def meets(request: Request, kind: str) -> bool:
    """Whether this call has a planned fault of that kind."""
    return bool(request.state.fault == kind)


def reply(
    request: Request, payload: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON response (or a zip for bytes), cut short or failed if a fault is planned."""
    body = payload if isinstance(payload, bytes) else encode(payload)
    kind = "application/zip" if isinstance(payload, bytes) else "application/json"
    headers = dict(headers or {})
    if meets(request, "500_after"):
        return Response(b'{"error":"internal error"}', 500, media_type="application/json")
    if meets(request, "cut_body"):
        headers["content-length"] = str(len(body))
        return Response(body[: len(body) // 2], status, headers, kind)
    if meets(request, "cut_json"):
        body = body[: len(body) // 2]
    return Response(body, status, headers, kind)


def retry_after_headers(seconds: float | None, style: str = "seconds") -> dict[str, str]:
    """The header `Retry-After`, as whole seconds rounded up or as a date."""
    if seconds is None:
        return {}
    if style == "date":
        return {"Retry-After": email.utils.formatdate(time.time() + seconds, usegmt=True)}
    return {"Retry-After": str(max(1, -int(-seconds // 1)))}


async def _apply(request: Request, refusal: Refusal, fault: dict[str, Any]) -> None:
    kind = fault["kind"]
    if kind in STATUS_KINDS:
        waits = kind in ("429", "503")
        raise Refused(
            refusal(
                STATUS_KINDS[kind],
                retry_after=float(fault.get("retry_after", 1)) if waits else None,
                style=fault.get("retry_after_style", "seconds"),
                code="expired" if kind == "expired_token" else None,
            )
        )
    if kind == "html":
        raise Refused(Response(HTML, 200, media_type="text/html"))
    if kind == "slow":
        await asyncio.sleep(float(fault.get("seconds", 1)))
        return
    request.state.fault = kind


def _is_authorised(request: Request, vendor: str, scheme: str) -> bool:
    login = request.app.state.logins[vendor]
    given = request.headers.get("authorization", "")
    if scheme != "Basic":
        wanted = f"{scheme} {login['password']}"
    elif login["login"] == "*":
        given = _basic(given).partition(":")[2]
        wanted = login["password"]
    else:
        pair = f"{login['login']}:{login['password']}"
        wanted = "Basic " + base64.b64encode(pair.encode()).decode()
    return hmac.compare_digest(given.encode(), wanted.encode())


def _basic(header: str) -> str:
    """The `user:password` of a Basic header; an empty text if it is not one."""
    try:
        return base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except ValueError:
        return ""
