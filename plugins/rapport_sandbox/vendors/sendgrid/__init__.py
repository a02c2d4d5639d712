"""A double of SendGrid's Marketing Campaigns: contacts by jobs, lists, suppressions.

Shapes after https://www.twilio.com/docs/sendgrid/api-reference. A job is applied at the second
look, and as `errored` it does not say which row was left out. A search for addresses of which none
is a contact is a 404.

>>> contact_id("a@example.com") == contact_id("A@example.com")
True
"""

import uuid
from typing import Any

from fastapi import Request, Response

from rapport_sandbox.call_gate import Refused, reply
from rapport_sandbox.shelf import Shelf, json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json
from rapport_sandbox.vendors.sendgrid.account import SUPPRESSIONS, account, refusal

VENDOR = "sendgrid"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-sendgrid", "extra": {}}
LIMITS = [("*", 600, 60.0)]


router = account(VENDOR)


def contact_id(email: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, email.lower()))


@router.put("/marketing/contacts")
async def import_contacts(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    rows = body.get("contacts") or []
    if not 1 <= len(rows) <= 30_000:
        raise Refused(refusal(400, "between 1 and 30000 contacts"))
    known = {body["id"] for _, body in shelf.list("fields")}
    for row in rows:
        if not set(row.get("custom_fields", {})) <= known:
            raise Refused(refusal(400, "a custom field is not there", code="unknown_field"))
        if any(shelf.get(kind, row["email"].lower()) for kind in SUPPRESSIONS):
            refuse_said_no(request, VENDOR, contact_id(row["email"]))
    id = f"00000000-0000-4000-8000-{shelf.count('jobs') + 1:012d}"
    shelf.put("jobs", id, {"status": "new", "rows": rows, "lists": body.get("list_ids", [])})
    return reply(request, {"job_id": id}, 202)


@router.get("/marketing/contacts/imports/{id}")
async def import_status(request: Request, id: str) -> Response:
    shelf = shelf_of(request, VENDOR)
    job = shelf.get("jobs", id)
    if job is None:
        raise Refused(refusal(404))
    if job["status"] == "pending":
        _apply(shelf, job)
    elif job["status"] == "new":
        job["status"] = "pending"
    shelf.put("jobs", id, job)
    return reply(request, {"id": id, "status": job["status"], "job_type": "upsert_contacts",
                           "results": job.get("results", {})})  # fmt: skip


@router.post("/marketing/contacts/search/emails")
async def search_emails(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    emails = body.get("emails") or []
    if not 1 <= len(emails) <= 100:
        raise Refused(refusal(400, "between 1 and 100 emails"))
    found = {email: shelf.get("contacts", contact_id(email)) for email in emails}
    if not any(found.values()):
        raise Refused(refusal(404))
    result = {email: {"contact": held} if held else {"error": "contact not found"}
              for email, held in found.items()}  # fmt: skip
    return reply(request, {"result": result})


@router.delete("/marketing/contacts")
async def delete_contacts(request: Request) -> Response:
    shelf, query = shelf_of(request, VENDOR), request.query_params
    if "delete_all_contacts" in query:
        raise Refused(refusal(403, "sandbox: never send that"))
    for id in query.get("ids", "").split(","):
        shelf.drop("contacts", id)
    return reply(request, {"job_id": "x"}, 202)


@router.get("/marketing/lists")
async def lists(request: Request) -> Response:
    """Two a page, so that paging is always walked."""
    start = int(request.query_params.get("page_token", 0))
    rows = [body for _, body in shelf_of(request, VENDOR).list("lists")]
    meta = {"count": len(rows)}
    if start + 2 < len(rows):
        meta["next"] = f"https://api.sendgrid.com/v3/marketing/lists?page_token={start + 2}"  # type: ignore[assignment]
    return reply(request, {"result": rows[start : start + 2], "_metadata": meta})


@router.post("/marketing/lists")
async def make_list(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    id = f"10000000-0000-4000-8000-{shelf.count('lists') + 1:012d}"
    shelf.put("lists", id, {"id": id, "name": body["name"]})
    return reply(request, {"id": id, "name": body["name"], "contact_count": 0}, 201)


@router.delete("/marketing/lists/{id}/contacts")
async def leave_list(request: Request, id: str) -> Response:
    shelf = shelf_of(request, VENDOR)
    for contact in request.query_params.get("contact_ids", "").split(","):
        held = shelf.get("contacts", contact)
        if held is not None:
            held["list_ids"] = [one for one in held["list_ids"] if one != id]
            shelf.put("contacts", contact, held)
    return reply(request, {"job_id": "x"}, 202)


@router.get("/marketing/field_definitions")
async def fields(request: Request) -> Response:
    found = [body for _, body in shelf_of(request, VENDOR).list("fields")]
    return reply(request, {"custom_fields": found, "reserved_fields": []})


@router.post("/marketing/field_definitions")
async def make_field(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    if body.get("field_type") not in ("Text", "Number", "Date"):
        raise Refused(refusal(400, "field_type is not known"))
    made = {"id": f"e{shelf.count('fields') + 1}_T", **body}
    shelf.put("fields", made["id"], made)
    return reply(request, made)


def _apply(shelf: Shelf, job: Json) -> None:
    errored = 0
    for row in job["rows"]:
        if "@" not in row["email"]:
            errored += 1
            continue
        id = contact_id(row["email"])
        held = shelf.get("contacts", id) or {"id": id, "list_ids": []}
        held = {**held, **row, "email": row["email"].lower()}
        held["list_ids"] = sorted({*held["list_ids"], *job["lists"]})
        shelf.put("contacts", id, held)
    job["status"] = "errored" if errored else "completed"
    job["results"] = {"requested_count": len(job["rows"]), "errored_count": errored}
