"""The double of what Salesforce lets be written: contacts, campaigns and their members.

Shapes after https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections.html.
A collection answers 200 and one result a row, in their order; a field that is not there refuses
all of it.

>>> VENDOR
'salesforce'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of
from rapport_sandbox.shelf import json_body, refuse_said_no, shelf_of
from rapport_sandbox.store import Json, decode
from rapport_sandbox.vendors import salesforce
from rapport_sandbox.vendors.salesforce.soql import stamp

VENDOR = "salesforce"
LARGEST, MOST_QUERIES = 200, 5
BEGIN: Json = {"CampaignMember": {"Status": "Sent"}, "Contact": {"HasOptedOutOfEmail": False}}
refusal = salesforce.refusal
answer = salesforce.answer

router = APIRouter(
    prefix="/salesforce/services/data/v{version}",
    dependencies=[
        Depends(door(VENDOR, refusal, is_allowed=salesforce.is_allowed)),
        Depends(salesforce.projected),
    ],
)


class RowError(Exception):
    """Why a row is refused: a status code."""


@router.post("/sobjects/{object}")
async def make_one(request: Request, object: str) -> Response:
    row = {**await json_body(request, refusal), "attributes": {"type": object}}
    _checked([row])
    return answer(request, _result(request, row, _insert), 201)


@router.delete("/sobjects/{object}/{id}")
async def delete_one(request: Request, object: str, id: str) -> Response:
    try:
        _bin(request, {"Id": id})
    except RowError:
        raise Refused(refusal(404, "Provided external ID field does not exist")) from None
    return Response(status_code=204, headers=salesforce.usage(request))


@router.post("/composite")
async def composite(request: Request) -> Response:
    """Some queries in one call, of which the address says nothing."""
    asked = (await json_body(request, refusal)).get("compositeRequest") or []
    if not 1 <= len(asked) <= MOST_QUERIES:
        raise Refused(refusal(400, "too many queries", code="EXCEEDED_MAX_SIZE_REQUEST"))
    told = []
    for one in asked:
        soql = parse_qs(urlsplit(one["url"]).query)["q"][0]
        body = decode(bytes(salesforce.first_page(request, "query", soql).body))
        told.append({"body": body, "httpStatusCode": 200, "referenceId": one["referenceId"]})
    return answer(request, {"compositeResponse": told})


@router.post("/composite/sobjects")
async def make(request: Request) -> Response:
    rows = _checked((await json_body(request, refusal)).get("records"))
    return answer(request, [_result(request, row, _insert) for row in rows])


@router.patch("/composite/sobjects")
async def update(request: Request) -> Response:
    rows = _checked((await json_body(request, refusal)).get("records"))
    return answer(request, [_result(request, row, _update) for row in rows])


@router.patch("/composite/sobjects/{object}/{field}")
async def upsert(request: Request, object: str, field: str) -> Response:
    rows = _checked((await json_body(request, refusal)).get("records"))
    told = []
    for row in rows:
        held = _found(request, object, field, row.get(field))
        work = _insert if held is None else _update
        given = row if held is None else {**row, "Id": held["Id"]}
        told.append({**_result(request, given, work), "created": held is None})
    return answer(request, told)


@router.delete("/composite/sobjects")
async def delete(request: Request) -> Response:
    ids = request.query_params.get("ids", "").split(",")
    rows = _checked([{"attributes": {"type": "CampaignMember"}, "Id": id} for id in ids])
    return answer(request, [_result(request, row, _bin) for row in rows])


def _checked(rows: Any) -> list[Json]:
    """Raises Refused with 400 for a collection that is refused as a whole."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= LARGEST:
        raise Refused(refusal(400, f"at most {LARGEST} records", code="EXCEEDED_MAX_SIZE_REQUEST"))
    for row in rows:
        object = row.get("attributes", {}).get("type")
        if unknown := set(row) - {"attributes"} - salesforce.has(object):
            message = f"No such column '{min(unknown)}' on sobject of type {object}"
            raise Refused(refusal(400, message, code="INVALID_FIELD"))
    return rows


def _result(request: Request, row: Json, work: Any) -> Json:
    try:
        id = work(request, row)
    except RowError as error:
        told = {"statusCode": str(error), "message": f"refused: {row}", "fields": []}
        return {"success": False, "errors": [told]}
    return {"id": id, "success": True, "errors": []}


def _found(request: Request, object: str, field: str, value: Any) -> Json | None:
    sql = (
        f"select body from {salesforce.table(object)} where json_extract(body, '$.{field}') = ?"
        " and json_extract(body, '$.IsDeleted') = 0"
    )
    row = gate_of(request).database.execute(sql, (value,)).fetchone()
    return decode(row[0]) if row else None


def _insert(request: Request, row: Json) -> str:
    object = row["attributes"]["type"]
    _judge(request, object, row, None)
    if object == "CampaignMember":
        _join(request, row)
    shelf, now = shelf_of(request, VENDOR), stamp(gate_of(request).as_of)
    number = 60_000_000 + shelf.count(object)
    id = salesforce.record_id(object, number)
    body: Json = {name: None for name in salesforce.has(object) if "." not in name}
    body.update(BEGIN.get(object, {}))
    shelf.put(object, id, {**body, **row, "Id": id, "IsDeleted": False, "CreatedDate": now,
                           "LastModifiedDate": now, "SystemModstamp": now})  # fmt: skip
    return id


def _update(request: Request, row: Json) -> str:
    object = row["attributes"]["type"]
    held = _found(request, object, "Id", row.get("Id"))
    if held is None:
        raise RowError("ENTITY_IS_DELETED")
    _judge(request, object, row, held)
    now = stamp(gate_of(request).as_of)
    changed = {"LastModifiedDate": now, "SystemModstamp": now}
    shelf_of(request, VENDOR).put(object, held["Id"], {**held, **row, **changed})
    return str(held["Id"])


def _bin(request: Request, row: Json) -> str:
    for object in ("CampaignMember", "Contact"):
        if (held := _found(request, object, "Id", row["Id"])) is not None:
            now = stamp(gate_of(request).as_of)
            gone = {**held, "IsDeleted": True, "SystemModstamp": now}
            shelf_of(request, VENDOR).put(object, row["Id"], gone)
            return str(row["Id"])
    raise RowError("ENTITY_IS_DELETED")


def _judge(request: Request, object: str, row: Json, held: Json | None) -> None:
    if object != "Contact":
        return
    if row.get("Email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", row["Email"]):
        raise RowError("INVALID_EMAIL_ADDRESS")
    if held is None and not row.get("LastName"):
        raise RowError("REQUIRED_FIELD_MISSING")
    own = row.get("Rapport_Customer_Id__c")
    other = _found(request, object, "Rapport_Customer_Id__c", own) if own else None
    if other is not None and other["Id"] != (held or {}).get("Id"):
        raise RowError("DUPLICATE_VALUE")


def _join(request: Request, row: Json) -> None:
    contact = _found(request, "Contact", "Id", row.get("ContactId"))
    if contact is None:
        raise RowError("INVALID_CROSS_REFERENCE_KEY")
    if contact["HasOptedOutOfEmail"]:
        refuse_said_no(request, VENDOR, contact["Id"])
    sql = (
        f"select 1 from {salesforce.table('CampaignMember')}"
        " where json_extract(body, '$.CampaignId') = ? and json_extract(body, '$.ContactId') = ?"
        " and json_extract(body, '$.IsDeleted') = 0"
    )
    if gate_of(request).database.execute(sql, (row["CampaignId"], row["ContactId"])).fetchone():
        raise RowError("DUPLICATE_VALUE")
