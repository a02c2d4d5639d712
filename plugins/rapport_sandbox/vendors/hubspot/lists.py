"""The part of HubSpot's double that is written to: contacts in batches, lists, subscriptions.

Shapes after https://developers.hubspot.com/docs/api-reference/crm-lists-v3/guide. A batch answers
207 with an error for some rows, and where a test asks for it, with nothing at all; a list takes
record ids and says which it does not know, but not which were there already.

>>> _error("VALIDATION_ERROR", "t1")["context"]
{'objectWriteTraceId': ['t1']}
"""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Gate, Refused, door, gate_of, reply
from rapport_sandbox.clock import iso
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, as_text, decode
from rapport_sandbox.vendors.hubspot import refusal

VENDOR = "hubspot"
router = APIRouter(prefix="/hubspot", dependencies=[Depends(door(VENDOR, refusal, is_bearer=True))])


@router.post("/crm/v3/objects/contacts/batch/{how}")
async def write_contacts(request: Request, how: str) -> Response:
    gate, body = gate_of(request), await json_body(request, refusal)
    inputs = body.get("inputs") or []
    if how not in ("update", "upsert"):
        raise Refused(refusal(404))
    if not 1 <= len(inputs) <= 100:
        raise Refused(refusal(400, "The number of inputs must be between 1 and 100"))
    if len({str(row["id"]).lower() for row in inputs}) < len(inputs):
        raise Refused(refusal(400, "Duplicate IDs found in batch input"))
    answer: Json = {"status": "COMPLETE", "results": [], "errors": []}
    if gate.limits.option(VENDOR, "silent", 0):
        return reply(request, answer, 207)
    for row in inputs:
        trace, values = str(row.get("objectWriteTraceId")), row["properties"]
        if "email" in values and "@" not in values["email"]:
            answer["errors"].append(_error("VALIDATION_ERROR", trace))
            continue
        held = _by_id(gate, row["id"]) if how == "update" else _by_email(gate, row["id"])
        if held is None and how == "update":
            error = _error("OBJECT_NOT_FOUND", trace)
            error["context"]["ids"] = [str(row["id"])]
            answer["errors"].append(error)
            continue
        is_new = held is None
        id, stored = held or _new(gate)
        if stored["properties"].get("hs_email_optout") == "true" and any(values.values()):
            refuse_said_no(request, VENDOR, str(id))
        stored["properties"].update(values)
        _put(gate, id, stored)
        answer["results"].append({**stored, "new": is_new, "objectWriteTraceId": trace})
    if answer["errors"]:
        return reply(request, {**answer, "numErrors": len(answer["errors"])}, 207)
    answer.pop("errors")
    return reply(request, answer)


@router.post("/crm/v3/objects/contacts/gdpr-delete")
async def forget_contact(request: Request) -> Response:
    """An address that is not known is put on a block list."""
    gate, body = gate_of(request), await json_body(request, refusal)
    if body.get("idProperty") == "email" and _by_email(gate, body["objectId"]) is None:
        gate.violation(VENDOR, "blocked_for_ever", request)
    else:
        sql = "delete from hubspot_contacts where id = ?"
        gate.database.execute(sql, (str(body["objectId"]),))
    return Response(status_code=204)


@router.get("/crm/v3/properties/contacts")
async def list_properties(request: Request) -> Response:
    found = [{"name": name, **body} for name, body in shelf_of(request, VENDOR).list("properties")]
    return reply(request, {"results": found})


@router.post("/crm/v3/properties/contacts")
async def make_property(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    if shelf.get("groups", body.get("groupName", "")) is None:
        raise Refused(refusal(400, "the group does not exist"))
    if shelf.get("properties", body["name"]) is not None:
        raise Refused(refusal(409, "the property exists"))
    shelf.put("properties", body["name"], body)
    return reply(request, body, 201)


@router.post("/crm/v3/properties/contacts/groups")
async def make_group(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    if shelf.get("groups", body["name"]) is not None:
        raise Refused(refusal(409, "the group exists"))
    shelf.put("groups", body["name"], body)
    return reply(request, body, 201)


@router.post("/crm/v3/lists")
async def make_list(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    if (
        body.get("processingType") not in ("MANUAL", "SNAPSHOT")
        or body.get("objectTypeId") != "0-1"
    ):
        raise Refused(refusal(400, "only static lists of contacts are known here"))
    id = str(501 + shelf.count("lists"))
    shelf.put("lists", id, {"name": body["name"], "members": []})
    return reply(request, {"list": {"listId": id, **body}})


@router.get("/crm/v3/lists/object-type-id/0-1/name/{name}")
async def find_list(request: Request, name: str) -> Response:
    for id, body in shelf_of(request, VENDOR).list("lists"):
        if body["name"] == name:
            return reply(request, {"list": {"listId": id, "name": name}})
    raise Refused(refusal(404))


@router.put("/crm/v3/lists/{id}/memberships/add-and-remove")
async def change_list(request: Request, id: str) -> Response:
    shelf, gate, body = (
        shelf_of(request, VENDOR),
        gate_of(request),
        await json_body(request, refusal),
    )
    held = shelf.get("lists", id)
    if held is None:
        raise Refused(refusal(404))
    joining = {str(one) for one in body["recordIdsToAdd"]}
    leaving = {str(one) for one in body["recordIdsToRemove"]}
    there = {one for one in joining if _by_id(gate, one) is not None}
    before = set(held["members"])
    held["members"] = sorted((before | there) - leaving)
    shelf.put("lists", id, held)
    return reply(request, {"recordsIdsAdded": sorted(there - before),
                           "recordIdsRemoved": sorted(before & leaving),
                           "recordIdsMissing": sorted(joining - there)})  # fmt: skip


@router.get("/crm/v3/lists/{id}/memberships")
async def memberships(request: Request, id: str) -> Response:
    members = (shelf_of(request, VENDOR).get("lists", id) or {"members": []})["members"]
    limit, after = int(request.query_params.get("limit", 100)), request.query_params.get("after")
    rest = [one for one in members if after is None or one > after]
    answer: Json = {"results": [{"recordId": one} for one in rest[:limit]]}
    if len(rest) > limit:
        answer["paging"] = {"next": {"after": rest[limit - 1]}}
    return reply(request, answer)


@router.post("/communication-preferences/v4/statuses/batch/read")
async def subscriptions(request: Request) -> Response:
    shelf, body = shelf_of(request, VENDOR), await json_body(request, refusal)
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 100 or request.query_params.get("channel") != "EMAIL":
        raise Refused(refusal(400, "between 1 and 100 inputs, and a channel"))
    found = [{"subscriberIdString": email,
              "statuses": (shelf.get("subscriptions", email.lower()) or {}).get("statuses", [])}
             for email in inputs]  # fmt: skip
    return reply(request, {"status": "COMPLETE", "results": found})


def _error(category: str, trace: str) -> Json:
    return {"status": "error", "category": category, "message": "refused", "links": {},
            "errors": [], "context": {"objectWriteTraceId": [trace]}}  # fmt: skip


def _by_id(gate: Gate, id: Any) -> tuple[int, Json] | None:
    sql = "select id, body from hubspot_contacts where id = ? and is_archived = 0"
    row = gate.database.execute(sql, (str(id),)).fetchone()
    return (row[0], decode(row[1])) if row else None


def _by_email(gate: Gate, email: str) -> tuple[int, Json] | None:
    sql = (
        "select id, body from hubspot_contacts where is_archived = 0"
        " and lower(json_extract(body, '$.properties.email')) = ?"
    )
    row = gate.database.execute(sql, (str(email).lower(),)).fetchone()
    return (row[0], decode(row[1])) if row else None


def _new(gate: Gate) -> tuple[int, Json]:
    last = gate.database.execute("select coalesce(max(id), 0) from hubspot_contacts").fetchone()[0]
    now = iso(gate.as_of)
    values = {"createdate": now, "hs_object_id": str(last + 1)}
    return last + 1, {"id": str(last + 1), "properties": values, "createdAt": now,
                      "updatedAt": now, "archived": False}  # fmt: skip


def _put(gate: Gate, id: int, body: Json) -> None:
    body["updatedAt"] = body["properties"]["lastmodifieddate"] = iso(gate.as_of)
    gate.database.execute(
        "insert or replace into hubspot_contacts values (?, ?, 0, ?)",
        (id, gate.as_of, as_text(body)),
    )
