"""What both doubles of SendGrid answer alike: refusals, erasure, and who said no."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, reply
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import encode

SUPPRESSIONS = ("unsubscribes", "bounces", "invalid_emails", "spam_reports")


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    """`code` names the field or the error; a 429 says in how many seconds the window ends."""
    error = {"message": message or "refused", "field": code, "error_id": code, "help": None}
    body = {"errors": [error]}
    headers = {"X-RateLimit-Reset": str(int(retry_after or 1))} if status == 429 else {}
    return Response(encode(body), status, headers, "application/json")


def account(vendor: str) -> APIRouter:
    """A router of that double, with what every account of SendGrid has."""
    router = APIRouter(
        prefix=f"/{vendor}/v3", dependencies=[Depends(door(vendor, refusal, is_bearer=True))]
    )

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
        rows: list[Any] = [body for _, body in shelf_of(request, vendor).list(kind)]
        return Response(encode(rows[offset : offset + limit]), media_type="application/json")

    @router.get("/asm/groups/{id}/suppressions")
    async def group_suppressions(request: Request, id: str) -> Response:
        held = shelf_of(request, vendor).get("groups", id) or {"emails": []}
        return Response(encode(held["emails"]), media_type="application/json")

    return router
