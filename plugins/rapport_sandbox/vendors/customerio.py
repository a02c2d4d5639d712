"""A double of Customer.io's track and app interfaces.

Shapes after https://docs.customer.io/integrations/api/track/. A batch answers 207 where some of
its rows were not taken; an id that was suppressed is swallowed in silence; an empty attribute goes
away.

>>> LARGEST
500000
"""

import base64
import hmac
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, reply, retry_after_headers
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "customerio"
LOGIN: dict[str, Any] = {
    "login": "demo-site",
    "password": "demo-not-a-secret-customerio",
    "extra": {"app_key": "demo-not-a-secret-customerio-app"},
}
LIMITS = [("*", 1000, 1.0)]
LARGEST = 500_000


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body = {"errors": [{"reason": code or "invalid", "message": message or "refused"}]}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def is_allowed(request: Request) -> bool:
    """Track takes site ID and key, app a key of its own."""
    login = LOGIN
    pair = base64.b64encode(f"{login['login']}:{login['password']}".encode()).decode()
    is_track = "/api/v2/" in request.url.path
    wanted = f"Basic {pair}" if is_track else f"Bearer {login['extra']['app_key']}"
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), wanted.encode())


router = APIRouter(
    prefix="/customerio", dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed))]
)


@router.post("/api/v2/batch")
async def batch(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    rows = body.get("batch") or []
    if not rows or len(await request.body()) >= LARGEST:
        raise Refused(refusal(400, "empty or too large"))
    if gate_of(request).limits.option(VENDOR, "silent", 0):
        return reply(request, {"errors": []}, 207)
    errors = []
    for number, row in enumerate(rows):
        id, given = row["identifiers"]["id"], row.get("attributes", {})
        if "@" not in given.get("email", "@"):
            errors.append({"batch_index": number, "reason": "invalid", "field": "email",
                           "message": f"{given['email']} is no address"})  # fmt: skip
        elif row["action"] == "suppress":
            shelf.put("suppressed", id, {})
        elif row["action"] == "delete":
            shelf.drop("people", id)
        elif shelf.get("suppressed", id) is None:
            _identify(request, id, given)
    return reply(request, {"errors": errors} if errors else {}, 207 if errors else 200)


@router.post("/v1/customers")
async def search_people(request: Request) -> Response:
    """Two a page, so that paging is always walked."""
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    wanted = body["filter"]["attribute"]
    found = [{"cio_id": f"cio_{id}", "id": id, "email": held.get("email")}
             for id, held in shelf.list("people")
             if str(held.get(wanted["field"], "")).lower() == wanted["value"]]  # fmt: skip
    start = int(request.query_params.get("start") or 0)
    following = str(start + 2) if start + 2 < len(found) else ""
    return reply(request, {"identifiers": found[start : start + 2], "next": following})


@router.get("/v1/esp/suppression/{kind}")
async def suppressions(request: Request, kind: str) -> Response:
    query = request.query_params
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    rows: list[Any] = [body for _, body in shelf_of(request, VENDOR).list(kind)]
    return reply(request, {"category": kind, "suppressions": rows[offset : offset + limit]})


def _identify(request: Request, id: str, given: Json) -> None:
    shelf = shelf_of(request, VENDOR)
    held = shelf.get("people", id)
    if held is None and given.get("_update"):
        return
    if (held or {}).get("unsubscribed") and any(v for k, v in given.items() if k != "_update"):
        refuse_said_no(request, VENDOR, id)
    merged = {**(held or {}), **{k: v for k, v in given.items() if k != "_update"}}
    shelf.put("people", id, {k: v for k, v in sorted(merged.items()) if v not in ("", None)})
