"""A double of Klaviyo: profiles by import jobs, lists, consent.

Shapes after https://developers.klaviyo.com/en/reference. A job is a promise: nothing is applied
until it was asked for twice. `revision` is needed; an error names its row by a pointer.

>>> profile_id("customer_1") == profile_id("customer_1")
True
"""

import hashlib
import json
import re
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, reply, retry_after_headers
from rapport_sandbox.shelf import Shelf, json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "klaviyo"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-klaviyo", "extra": {}}
LIMITS = [("/api/profile-bulk-import-jobs*", 10, 1.0), ("/api/lists*", 10, 1.0), ("*", 75, 1.0)]
LARGEST = 10_000


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    known = {400: "invalid", 401: "not_authenticated", 403: "permission_denied", 404: "not_found",
             409: "duplicate", 429: "throttled"}  # fmt: skip
    error = {"id": "sandbox", "status": status, "code": code or known.get(status, "error"),
             "title": "Refused", "detail": message or "refused",
             "source": {"pointer": "/data"}}  # fmt: skip
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"errors": [error]}), status, headers, "application/vnd.api+json")


async def has_revision(request: Request) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", request.headers.get("revision", "")):
        raise Refused(refusal(400, "a revision is needed"))


router = APIRouter(
    prefix="/klaviyo/api",
    dependencies=[Depends(door(VENDOR, refusal, scheme="Klaviyo-API-Key")), Depends(has_revision)],
)


def profile_id(external_id: str) -> str:
    return "01" + hashlib.blake2b(external_id.encode(), digest_size=12).hexdigest().upper()


@router.get("/profiles")
async def profiles(request: Request) -> Response:
    shelf, query = shelf_of(request, VENDOR), request.query_params
    wanted = re.fullmatch(
        r"any\(external_id,(\[.*\])\)", query.get("filter", "any(external_id,[])")
    )
    if wanted is None:
        raise Refused(refusal(400, "filter is not known here"))
    ids = json.loads(wanted[1])
    found = [body for _, body in shelf.list("profiles")
             if not ids or body["attributes"].get("external_id") in ids]  # fmt: skip
    return _page(request, found)


@router.post("/profile-bulk-import-jobs")
async def start_import(request: Request) -> Response:
    shelf, data = shelf_of(request, VENDOR), (await json_body(request, refusal))["data"]
    rows = data["attributes"]["profiles"]["data"]
    if not 1 <= len(rows) <= LARGEST:
        raise Refused(refusal(400, f"between 1 and {LARGEST} profiles"))
    lists = data.get("relationships", {}).get("lists", {}).get("data", [])
    for row in rows:
        for _, held in shelf.list("profiles"):
            is_same = held["attributes"].get("email") == row["attributes"].get("email", "")
            if is_same and _is_out(held):
                refuse_said_no(request, VENDOR, held["id"])
    id = f"job{shelf.count('jobs') + 1:05d}"
    shelf.put("jobs", id, {"status": "queued", "rows": rows, "errors": [],
                           "lists": [one["id"] for one in lists]})  # fmt: skip
    return reply(request, {"data": _job(id, shelf.get("jobs", id) or {})}, 202)


@router.get("/profile-bulk-import-jobs/{id}")
async def read_import(request: Request, id: str) -> Response:
    """The first look finds it at work, the second applied."""
    shelf = shelf_of(request, VENDOR)
    job = shelf.get("jobs", id)
    if job is None:
        raise Refused(refusal(404))
    if job["status"] == "processing":
        job["status"] = "complete"
        _apply(shelf, job)
    elif job["status"] == "queued":
        job["status"] = "processing"
    shelf.put("jobs", id, job)
    return reply(request, {"data": _job(id, job)})


@router.get("/profile-bulk-import-jobs/{id}/import-errors")
async def import_errors(request: Request, id: str) -> Response:
    return _page(request, (shelf_of(request, VENDOR).get("jobs", id) or {"errors": []})["errors"])


@router.get("/lists")
async def lists(request: Request) -> Response:
    wanted = re.fullmatch(r'equals\(name,"(.*)"\)', request.query_params.get("filter", ""))
    found = [{"type": "list", "id": id, "attributes": {"name": body["name"]}}
             for id, body in shelf_of(request, VENDOR).list("lists")
             if wanted is None or body["name"] == wanted[1]]  # fmt: skip
    return _page(request, found)


@router.post("/lists")
async def make_list(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    id = f"LIST{shelf.count('lists') + 1:02d}"
    shelf.put("lists", id, {"name": body["data"]["attributes"]["name"], "members": []})
    return reply(request, {"data": {"type": "list", "id": id, **body["data"]}}, 201)


@router.get("/lists/{id}/profiles")
async def list_profiles(request: Request, id: str) -> Response:
    shelf = shelf_of(request, VENDOR)
    members = (shelf.get("lists", id) or {"members": []})["members"]
    return _page(request, [shelf.get("profiles", member) for member in members])


@router.delete("/lists/{id}/relationships/profiles")
async def leave_list(request: Request, id: str) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    held = shelf.get("lists", id)
    if held is None:
        raise Refused(refusal(404))
    if len(body["data"]) > 1000:
        raise Refused(refusal(400, "at most 1000 profiles"))
    leaving = {one["id"] for one in body["data"]}
    held["members"] = [member for member in held["members"] if member not in leaving]
    shelf.put("lists", id, held)
    return Response(status_code=204)


@router.post("/data-privacy-deletion-jobs")
async def delete_profile(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    shelf.drop("profiles", body["data"]["attributes"]["profile"]["data"]["id"])
    return Response(status_code=202)


def _apply(shelf: Shelf, job: Json) -> None:
    for number, row in enumerate(job["rows"]):
        given = row["attributes"]
        if "@" not in given.get("email", "@"):
            source = {"pointer": f"/data/attributes/profiles/data/{number}/attributes/email"}
            told = {"code": "invalid", "title": "Invalid input.", "detail": given["email"],
                    "source": source, "original_payload": given}  # fmt: skip
            job["errors"].append({"type": "import-error", "id": str(number), "attributes": told})
            continue
        id = row.get("id") or profile_id(given["external_id"])
        held = shelf.get("profiles", id) or {"type": "profile", "id": id,
                                             "attributes": {"properties": {}}}  # fmt: skip
        stored = held["attributes"]
        properties = {**stored["properties"], **given.get("properties", {})}
        for name in row.get("meta", {}).get("patch_properties", {}).get("unset", []):
            properties.pop(name, None)
        stored.update(given)
        stored["properties"] = properties
        shelf.put("profiles", id, held)
        for list_id in job["lists"]:
            list_ = shelf.get("lists", list_id) or {"members": []}
            list_["members"] = sorted({*list_["members"], id})
            shelf.put("lists", list_id, list_)


def _is_out(profile: Json) -> bool:
    email = profile["attributes"].get("subscriptions", {}).get("email", {}).get("marketing", {})
    return bool(email.get("suppression")) or email.get("consent") == "UNSUBSCRIBED"


def _job(id: str, job: Json) -> Json:
    is_done, failed = job["status"] == "complete", len(job["errors"])
    counts = {"total_count": len(job["rows"]), "failed_count": failed,
              "completed_count": len(job["rows"]) - failed if is_done else 0}  # fmt: skip
    return {"type": "profile-bulk-import-job", "id": id,
            "attributes": {"status": job["status"], **counts}}  # fmt: skip


def _page(request: Request, rows: list[Any]) -> Response:
    query = request.query_params
    size, start = int(query.get("page[size]", 20)), int(query.get("page[cursor]", 0))
    if not 1 <= size <= 100:
        raise Refused(refusal(400, "page[size] is between 1 and 100"))
    more = start + size < len(rows)
    following = f"{request.url.path}?page%5Bcursor%5D={start + size}" if more else None
    links = {"self": str(request.url), "next": following}
    return reply(request, {"data": rows[start : start + size], "links": links})
