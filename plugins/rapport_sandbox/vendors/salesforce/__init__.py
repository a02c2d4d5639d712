"""A double of Salesforce's REST and Bulk 2.0 queries, behind OAuth 2.

Shapes after https://developer.salesforce.com/docs/platform/api-rest/guide/intro-rest.html. The
day's calls are told with each answer, and refused with a 403 when they are used up; a field that
the object has not refuses the whole query.

>>> whole_id("0035e00000AbCdE")
'0035e00000AbCdEAAV'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import csv
import io
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox import sales
from rapport_sandbox.call_gate import (
    FUTURE,
    Refused,
    door,
    gate_of,
    meets,
    reply,
    retry_after_headers,
)
from rapport_sandbox.clock import DAY
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.shelf import json_body, shelf_of
from rapport_sandbox.store import Json, encode
from rapport_sandbox.vendors.salesforce.soql import Query, compile, stamp

VENDOR = "salesforce"
LOGIN: dict[str, Any] = {
    "login": "demo-app",
    "password": "demo-not-a-secret-salesforce",
    "extra": {},
}
OPTIONS: dict[str, Any] = {"customer_id": "Rapport_Customer_Id__c", "fields": {"score": "Score__c"}}
LIMITS = [("*", 25, 20.0)]
PREFIXES = {"Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "Case": "500",
            "CampaignMember": "00v", "Campaign": "701"}  # fmt: skip
KINDS = {"account": "Account", "contact": "Contact", "lead": "Lead", "deal": "Opportunity",
         "case": "Case", "member": "CampaignMember"}  # fmt: skip
STREAMS = [f"salesforce_{object.lower()}" for object in PREFIXES]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
SYSTEM = ["Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp"]
FIELDS = {
    "Account": "Name Website Industry NumberOfEmployees BillingCountry MasterRecordId",
    "Contact": "MasterRecordId AccountId FirstName LastName Name Email Phone MobilePhone Title"
    " Birthdate MailingStreet MailingPostalCode MailingState MailingCity MailingCountry LeadSource"
    " HasOptedOutOfEmail EmailBouncedDate App_User_Id__c Rapport_Customer_Id__c Score__c",
    "Lead": "MasterRecordId FirstName LastName Email Phone MobilePhone Company Website Title"
    " Street PostalCode State City Country Status LeadSource HasOptedOutOfEmail IsConverted"
    " ConvertedContactId ConvertedAccountId ConvertedDate",
    "Opportunity": "Name AccountId ContactId StageName Amount CloseDate IsClosed IsWon",
    "Case": "CaseNumber ContactId Subject Status Priority Origin IsClosed ClosedDate OwnerId",
    "CampaignMember": "CampaignId ContactId LeadId Status HasResponded FirstRespondedDate"
    " Contact.Email Contact.Rapport_Customer_Id__c Contact.IsDeleted",
    "Campaign": "Name IsActive Type",
}
# Paths at which no record of this double names a person, by stream, and why.
UNNAMED = {
    "leads MasterRecordId": "no lead of the story is merged into another",
    "campaign_members LeadId": "all members are contacts",
}
HAS = {object: {*SYSTEM, *fields.split()} for object, fields in FIELDS.items()}
LARGEST_PAGE = 2000


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    known = {401: "INVALID_SESSION_ID", 403: "INSUFFICIENT_ACCESS", 404: "NOT_FOUND",
             429: "REQUEST_LIMIT_EXCEEDED", 503: "SERVER_UNAVAILABLE"}  # fmt: skip
    error = code if code and code.isupper() else known.get(status, "UNKNOWN_EXCEPTION")
    body = [{"message": message or "Something is wrong.", "errorCode": error}]
    return Response(encode(body), status, retry_after_headers(retry_after, style),
                    "application/json")  # fmt: skip


def token(request: Request) -> str:
    """The access token that is good now; a test makes it another one."""
    return f"00Ddemo!{gate_of(request).limits.option(VENDOR, 'session', 1)}"


def is_allowed(request: Request) -> bool:
    asks = request.url.path.endswith("/oauth2/token")
    return asks or request.headers.get("authorization") == f"Bearer {token(request)}"


def whole_id(id: str) -> str:
    """An id of 15 characters with the three that tell its capitals."""
    groups = [id[place : place + 5] for place in (0, 5, 10)]
    return id + "".join(
        CHECKS[sum(c.isupper() << place for place, c in enumerate(group))] for group in groups
    )


def record_id(object: str, number: int) -> str:
    tail = ""
    for _ in range(5):
        number, digit = divmod(number, 62)
        tail = DIGITS[digit] + tail
    return whole_id(f"{PREFIXES[object]}5e00000{tail}")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    for fact in sales.story(person, dice, arrival, until):
        object = KINDS[fact.kind]
        id = record_id(object, fact.number)
        url = f"/services/data/v67.0/sobjects/{object}/{id}"
        said = {"attributes": {"type": object, "url": url}, "Id": id,
                "IsDeleted": fact.state == "bin", **SHAPES[fact.kind](fact.said),
                "CreatedDate": stamp(fact.said["created"]), "LastModifiedDate": stamp(fact.moment),
                "SystemModstamp": stamp(fact.moment)}  # fmt: skip
        body = None if fact.state == "gone" else said
        yield Change(fact.moment // 1000 * 1000, f"salesforce_{object.lower()}", id, body)


async def projected(request: Request) -> None:
    """The day's calls are counted before anything is answered."""
    shelf_of(request, VENDOR)
    ready(gate_of(request), VENDOR, timeline, STREAMS)
    limits = gate_of(request).limits
    used, most = limits.option(VENDOR, "used", 0) + 1, limits.option(VENDOR, "most", 100_000)
    limits.options.setdefault(VENDOR, {})["used"] = used
    if used > most:
        raise Refused(refusal(403, "TotalRequests Limit exceeded.", code="REQUEST_LIMIT_EXCEEDED"))


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream, with what is in the recycle bin."""
    shelf_of(request, VENDOR)
    ready(gate_of(request), VENDOR, timeline, STREAMS)
    streams = {"Opportunity": "opportunities", "CampaignMember": "campaign_members"}
    return {
        streams.get(object, f"{object.lower()}s"): total(request, table(object))
        for object in KINDS.values()
    }


login = APIRouter(prefix="/salesforce", dependencies=[
    Depends(door(VENDOR, refusal, is_allowed=is_allowed))])  # fmt: skip
router = APIRouter()
data = APIRouter(
    prefix="/salesforce/services/data/v{version}",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed)), Depends(projected)],
)


@login.post("/services/oauth2/token")
async def give_token(request: Request) -> Response:
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    known = LOGIN
    if form.get("grant_type") != "client_credentials":
        return reply(request, {"error": "unsupported_grant_type"}, 400)
    if (form.get("client_id"), form.get("client_secret")) != (known["login"], known["password"]):
        told = {"error": "invalid_client", "error_description": "invalid client credentials"}
        return reply(request, told, 400)
    return reply(request, {"access_token": token(request), "token_type": "Bearer",
                           "instance_url": "https://demo.my.salesforce.com"})  # fmt: skip


@data.get("/sobjects/{object}/describe")
async def describe(request: Request, object: str) -> Response:
    fields = [{"name": name} for name in sorted(has(object)) if "." not in name]
    return answer(request, {"name": object, "fields": fields})


@data.get("/query")
async def query(request: Request) -> Response:
    return first_page(request, "query", request.query_params.get("q", ""))


@data.get("/queryAll")
async def query_all(request: Request) -> Response:
    return first_page(request, "queryAll", request.query_params.get("q", ""))


@data.get("/{resource}/{locator}")
async def query_more(request: Request, resource: str, locator: str) -> Response:
    id, _, start = locator.rpartition("-")
    kept = gate_of(request).limits.options.get(VENDOR, {}).get(id)
    if resource not in ("query", "queryAll") or not start.isdigit() or kept is None:
        raise Refused(refusal(400, "invalid query locator", code="INVALID_QUERY_LOCATOR"))
    return _page(request, resource, read(kept), int(start), id)


@data.post("/jobs/query")
async def make_job(request: Request) -> Response:
    body, shelf = await json_body(request, refusal), shelf_of(request, VENDOR)
    read(str(body.get("query")))
    if body.get("operation") not in ("query", "queryAll"):
        raise Refused(refusal(400, "unknown operation", code="INVALIDJOB"))
    id = f"750{shelf.count('jobs'):012d}AAA"
    job = {"id": id, "operation": body["operation"], "state": "UploadComplete", "looks": 0}
    shelf.put("jobs", id, {**job, "query": body["query"]})
    return answer(request, job)


@data.get("/jobs/query/{id}")
async def read_job(request: Request, id: str) -> Response:
    """At work at the first look, complete at the second; a test may let it fail."""
    shelf = shelf_of(request, VENDOR)
    job = shelf.get("jobs", id)
    if job is None:
        raise Refused(refusal(404, "no such job"))
    fails = gate_of(request).limits.option(VENDOR, "failing_jobs", 0)
    done = "Failed" if fails else "JobComplete"
    job["looks"], job["state"] = job["looks"] + 1, done if job["looks"] else "InProgress"
    shelf.put("jobs", id, job)
    return answer(request, {"id": id, "operation": job["operation"], "state": job["state"]})


@data.get("/jobs/query/{id}/results")
async def results(request: Request, id: str) -> Response:
    job, asked = shelf_of(request, VENDOR).get("jobs", id), request.query_params
    if job is None or job["state"] != "JobComplete":
        raise Refused(refusal(400, "the job is not complete", code="INVALIDJOBSTATE"))
    size, start = int(asked.get("maxRecords", 50_000)), int(asked.get("locator", 0))
    found = read(job["query"])
    rows, more = _rows(request, found, job["operation"], size, start)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(found.fields)
    writer.writerows([_cell(row.get(name)) for name in found.fields] for row in rows)
    content = out.getvalue().encode()
    headers = {"Sforce-NumberOfRecords": str(len(rows)), **usage(request),
               "Sforce-Locator": str(start + size) if more else "null"}  # fmt: skip
    if meets(request, "cut_json"):
        content = content[: content.rindex(b"\n", 0, len(content) // 2)]
    return Response(content, 200, headers, "text/csv")


def usage(request: Request) -> dict[str, str]:
    options = gate_of(request).limits.options.get(VENDOR, {})
    told = f"api-usage={options.get('used', 0)}/{options.get('most', 100_000)}"
    return {"Sforce-Limit-Info": f"{told}; per-app-api-usage=1/250(appName=rapport)"}


def answer(request: Request, body: Any, status: int = 200) -> Response:
    return reply(request, body, status, usage(request))


def has(object: str) -> set[str]:
    if object not in HAS:
        raise Refused(refusal(404, "The requested resource does not exist"))
    return HAS[object]


def read(soql: str) -> Query:
    """Raises Refused with 400 for a query that Salesforce refuses."""
    try:
        found = compile(soql)
    except ValueError as error:
        raise Refused(refusal(400, str(error), code="MALFORMED_QUERY")) from None
    if unknown := found.named - has(found.object):
        message = f"No such column '{min(unknown)}' on entity '{found.object}'."
        raise Refused(refusal(400, message, code="INVALID_FIELD"))
    return found


def table(object: str) -> str:
    """What a vendor's people made, with what a tool wrote over it."""
    written = f"select id, body from shelf where vendor = 'salesforce' and kind = '{object}'"
    members = ""
    if object == "CampaignMember":
        contact = f"select body from {table('Contact')} as whole"
        contact += " where whole.id = json_extract(made.body, '$.ContactId')"
        members = f"json_set(made.body, '$.Contact', json(({contact})))"
    return (
        f"(select id, 0 as updated, {members or 'body'} as body from ({written}) as made union all"
        f" select id, updated, {members or 'body'} as body from salesforce_{object.lower()} as made"
        f" where id not in (select id from ({written})))"
    )


def first_page(request: Request, resource: str, soql: str) -> Response:
    found = read(soql)
    if found.fields == ["COUNT()"]:
        where = _where(found, resource)
        counted = total(request, table(found.object), where, found.values)
        return answer(request, {"totalSize": counted, "done": True, "records": []})
    options = gate_of(request).limits.options.setdefault(VENDOR, {})
    id = f"01g{options.get('used', 0):09d}"
    options[id] = soql
    return _page(request, resource, found, 0, id)


def _page(request: Request, resource: str, found: Query, start: int, id: str) -> Response:
    told = request.headers.get("sforce-query-options", "")
    size = min(int(told.removeprefix("batchSize=") or LARGEST_PAGE), LARGEST_PAGE)
    rows, more = _rows(request, found, resource, size, start)
    if meets(request, "far_future_cursor") and rows:
        rows[0]["SystemModstamp"] = FUTURE
    counted = total(request, table(found.object), _where(found, resource), found.values)
    told_: Json = {"totalSize": counted, "done": not more, "records": rows}
    path = f"/services/data/v67.0/{resource}/{id}"
    if meets(request, "repeat_token") and start:
        told_.update(done=False, nextRecordsUrl=f"{path}-{start}")
    elif more:
        told_["nextRecordsUrl"] = f"{path}-{start + size}"
    return answer(request, told_)


def _rows(
    request: Request, found: Query, resource: str, size: int, start: int
) -> tuple[list[Json], bool]:
    rows, more = page(request, table(found.object), where=_where(found, resource),
                      values=found.values, order=found.order, limit=size, offset=start)  # fmt: skip
    shown = []
    for _, _, body in rows:
        row = {"attributes": body["attributes"]}
        for name in found.fields:
            if "." in name:
                outer, _, inner = name.partition(".")
                row.setdefault(outer, {})[inner] = (body.get(outer) or {}).get(inner)
            else:
                row[name] = body.get(name)
        shown.append(row)
    return shown[: found.limit], more and found.limit is None


def _where(found: Query, resource: str) -> str:
    live = " and json_extract(body, '$.IsDeleted') = 0" if resource == "query" else ""
    return f"({found.where}){live}"


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _id(object: str, number: int | None) -> str | None:
    return None if number is None else record_id(object, number)


def _contact(said: Json) -> Json:
    return {"MasterRecordId": _id("Contact", said.get("master")),
            "AccountId": _id("Account", said["account"]), "FirstName": said["first"],
            "LastName": said["last"], "Name": f"{said['first']} {said['last']}",
            "Email": said["email"], "Phone": said["phone"], "MobilePhone": said["mobile"],
            "Birthdate": said["birth_date"], "MailingStreet": said["street"],
            "MailingPostalCode": said["postal_code"], "MailingState": said["region"],
            "MailingCity": said["city"], "MailingCountry": said["country"], "Title": said["job"],
            "LeadSource": None, "HasOptedOutOfEmail": said["is_out"], "EmailBouncedDate": None,
            "App_User_Id__c": said["user_id"], "Rapport_Customer_Id__c": None,
            "Score__c": None}  # fmt: skip


def _lead(said: Json) -> Json:
    contact = said.get("contact")
    return {"MasterRecordId": None, "FirstName": said["first"], "LastName": said["last"],
            "Email": said["email"], "Phone": said["phone"], "MobilePhone": said["mobile"],
            "Company": said["company"], "Website": None, "Title": said["job"],
            "Street": said["street"], "PostalCode": said["postal_code"], "State": said["region"],
            "City": said["city"], "Country": said["country"], "LeadSource": "Web",
            "Status": "Working" if contact is None else "Qualified",
            "HasOptedOutOfEmail": said["is_out"], "IsConverted": contact is not None,
            "ConvertedContactId": _id("Contact", contact),
            "ConvertedAccountId": _id("Account", said["account"]) if contact else None,
            "ConvertedDate": stamp(said["converted"])[:10] if contact else None}  # fmt: skip


def _account(said: Json) -> Json:
    return {"MasterRecordId": None, "Name": said["name"], "Industry": "Retail",
            "Website": f"https://www.{said['domain']}/", "NumberOfEmployees": said["employees"],
            "BillingCountry": "DE"}  # fmt: skip


def _deal(said: Json) -> Json:
    return {"Name": said["name"], "AccountId": _id("Account", said["account"]),
            "ContactId": _id("Contact", said["contact"]), "StageName": said["stage"],
            "Amount": said["amount"], "CloseDate": stamp(said["closes"])[:10],
            "IsClosed": said["stage"].startswith("Closed"),
            "IsWon": said["stage"] == "Closed Won"}  # fmt: skip


def _case(said: Json) -> Json:
    closed = said["closed"]
    return {"CaseNumber": f"{said['contact']:08d}", "ContactId": _id("Contact", said["contact"]),
            "Subject": said["subject"], "Status": "Closed" if closed else "New",
            "Priority": "Medium", "Origin": "Email", "IsClosed": closed is not None,
            "ClosedDate": stamp(closed) if closed else None,
            "OwnerId": "0055e0000000001AAA"}  # fmt: skip


def _member(said: Json) -> Json:
    answered = said["answered"]
    return {"CampaignId": record_id("Campaign", 1), "ContactId": _id("Contact", said["contact"]),
            "LeadId": None, "Status": "Responded" if answered else "Sent",
            "HasResponded": answered,
            "FirstRespondedDate": stamp(said["created"] + DAY)[:10] if answered else None
            }  # fmt: skip


SHAPES = {"account": _account, "contact": _contact, "lead": _lead, "deal": _deal, "case": _case,
          "member": _member}  # fmt: skip
router.include_router(login)
router.include_router(data)
