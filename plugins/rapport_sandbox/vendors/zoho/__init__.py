"""A double of Zoho CRM v8: lists, deleted records and counts, behind a token of an hour.

Shapes after https://www.zoho.com/crm/developer/docs/api/v8/get-records.html. Nothing that changed
is a 304, no rows are a 204. Beyond 2,000 rows only a page token leads on, which holds for the
parameters that it was given with, and ends after option `most` rows. Converted leads are shown to
who asks for them, deleted records to nobody.

>>> record_id("Contacts", 71)
'5500000003000000071'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
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
from rapport_sandbox.clock import parse_iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.shelf import shelf_of
from rapport_sandbox.store import Json, encode

VENDOR = "zoho"
LOGIN: dict[str, Any] = {
    "login": "1000.DEMO",
    "password": "demo-not-a-secret-zoho",
    "extra": {"refresh_token": "1000.demo-not-a-secret-refresh"},
}
OPTIONS: dict[str, Any] = {"customer_id": "Rapport_Customer_Id", "fields": {"score": "Score"}}
LIMITS = [("*", 25, 20.0)]
KINDS = {"account": "Accounts", "contact": "Contacts", "lead": "Leads", "deal": "Deals",
         "case": "Cases"}  # fmt: skip
MODULES = dict(zip(KINDS.values(), range(2, 7), strict=True))
STREAMS = [*(f"zoho_{module.lower()}" for module in MODULES), "zoho_deleted"]
LARGEST_PAGE, BY_NUMBER, MOST = 200, 2_000, 100_000
FIELDS = {
    "Accounts": "Account_Name Website Industry Employees Billing_Country",
    "Contacts": "First_Name Last_Name Email Secondary_Email Phone Mobile Title Date_of_Birth"
    " Mailing_Street Mailing_Zip Mailing_State Mailing_City Mailing_Country Account_Name"
    " Lead_Source Email_Opt_Out Unsubscribed_Time App_User_Id Rapport_Customer_Id Score Tag",
    "Leads": "First_Name Last_Name Email Secondary_Email Phone Mobile Designation Company"
    " Website Street Zip_Code State City Country Lead_Source Lead_Status Email_Opt_Out"
    " Unsubscribed_Time Converted__s Converted_Contact Converted_Account Converted_Date_Time Tag",
    "Deals": "Deal_Name Account_Name Contact_Name Stage Pipeline Amount Currency Closing_Date",
    "Cases": "Case_Number Subject Status Priority Case_Origin Related_To Account_Name Email Owner",
}
HAS = {module: {"id", "Created_Time", "Modified_Time", *names.split()}
       for module, names in FIELDS.items()}  # fmt: skip


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    known = {401: "INVALID_TOKEN", 403: "NO_PERMISSION", 404: "INVALID_URL_PATTERN",
             429: "TOO_MANY_REQUESTS"}  # fmt: skip
    said = code if code and code.isupper() else known.get(status, "INTERNAL_ERROR")
    body = {"code": said, "details": {}, "message": message or "refused", "status": "error"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def token(request: Request) -> str:
    """The access token that is good now; a test makes it another one."""
    return f"1000.demo.{gate_of(request).limits.option(VENDOR, 'session', 1)}"


def is_allowed(request: Request) -> bool:
    asks = request.url.path.endswith("/oauth/v2/token")
    return asks or request.headers.get("authorization") == f"Zoho-oauthtoken {token(request)}"


def record_id(module: str, number: int) -> str:
    return f"55000000{MODULES[module]:02d}{number:09d}"


def stamp(moment: int) -> str:
    """A time as Zoho writes it: to the second, in the zone of the account."""
    zone = timezone(timedelta(hours=1))
    return datetime.fromtimestamp(moment // 1000, UTC).astimezone(zone).isoformat()


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    for fact in sales.story(person, dice, arrival, until):
        if fact.kind not in KINDS:
            continue
        module = KINDS[fact.kind]
        id, stream = record_id(module, fact.number), f"zoho_{module.lower()}"
        said = {"id": id, **SHAPES[fact.kind](fact.said), "Modified_Time": stamp(fact.moment),
                "Created_Time": stamp(fact.said["created"])}  # fmt: skip
        is_live = fact.state == "live"
        yield Change(fact.moment // 1000 * 1000, stream, id, said if is_live else None)
        if not is_live:
            gone = {"id": id, "module": module, "display_name": said.get("Last_Name"),
                    "type": "recycle" if fact.state == "bin" else "permanent",
                    "deleted_time": stamp(fact.moment)}  # fmt: skip
            yield Change(fact.moment // 1000 * 1000, "zoho_deleted", id, gone)


async def projected(request: Request) -> None:
    shelf_of(request, VENDOR)
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream, with those that were deleted."""
    await projected(request)
    gone = "json_extract(body, '$.module') = ?"
    return {
        module.lower(): total(request, table(module))
        + total(request, "zoho_deleted", gone, [module])
        for module in MODULES
    }


login = APIRouter(prefix="/zoho", dependencies=[
    Depends(door(VENDOR, refusal, is_allowed=is_allowed))])  # fmt: skip
router = APIRouter()
data = APIRouter(
    prefix="/zoho/crm/v8",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=is_allowed)), Depends(projected)],
)


@login.post("/oauth/v2/token")
async def give_token(request: Request) -> Response:
    """A refusal of the login is a 200; who asks too often is told so by a 400."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    known = LOGIN
    if gate_of(request).limits.option(VENDOR, "too_many_tokens", 0):
        return reply(request, {"error": "Access Denied", "status": "failure"}, 400)
    if form.get("client_id") != known["login"]:
        return reply(request, {"error": "invalid_client"})
    if form.get("client_secret") != known["password"]:
        return reply(request, {"error": "invalid_client_secret"})
    if form.get("refresh_token") != known["extra"]["refresh_token"]:
        return reply(request, {"error": "invalid_code"})
    return reply(request, {"access_token": token(request), "token_type": "Bearer",
                           "expires_in": 3600})  # fmt: skip


@data.get("/settings/fields")
async def fields(request: Request) -> Response:
    names = sorted(has(request.query_params.get("module", "")))
    return reply(request, {"fields": [{"api_name": name} for name in names]})


@data.get("/{module}/deleted")
async def deleted(request: Request, module: str) -> Response:
    has(module)
    asked = request.query_params
    size, number = min(int(asked.get("per_page", 200)), LARGEST_PAGE), int(asked.get("page", 1))
    rows, more = page(request, "zoho_deleted", where="json_extract(body, '$.module') = ?",
                      values=[module], order="updated desc, id", limit=size,
                      offset=(number - 1) * size)  # fmt: skip
    told = [{name: value for name, value in body.items() if name != "module"}
            for _, _, body in rows]  # fmt: skip
    info = {"per_page": size, "count": len(rows), "page": number, "more_records": more}
    return listed(request, told, info)


@data.get("/{module}/actions/count")
async def count(request: Request, module: str) -> Response:
    has(module)
    moments = [part.split(")")[0] for part in
               request.query_params["criteria"].split("Created_Time:")[1:]]  # fmt: skip
    spans = [parse_iso(moment.partition(":")[2]) for moment in moments]
    where = "created >= ? and created < ? and coalesce(json_extract(body, '$.Converted__s'), 0) = 0"
    return reply(request, {"count": total(request, table(module), where, spans)})


@data.get("/{module}")
async def records(request: Request, module: str) -> Response:
    asked, known = request.query_params, has(module)
    names = [name for name in asked.get("fields", "").split(",") if name]
    if not names or len(names) > 50:
        raise Refused(refusal(400, "fields", code="REQUIRED_PARAM_MISSING"))
    if asked.get("sort_by", "id") not in ("id", "Created_Time", "Modified_Time"):
        raise Refused(refusal(400, "sort_by", code="INVALID_DATA"))
    size = int(asked.get("per_page", LARGEST_PAGE))
    bound = f"{module} {size} {asked.get('fields')} {asked.get('sort_by')} {asked.get('converted')}"
    start, number = place(request, size, bound)
    since = request.headers.get("if-modified-since")
    where, values = "updated >= ?", [parse_iso(since) if since else 0]
    if asked.get("converted", "false") == "false":
        where += " and coalesce(json_extract(body, '$.Converted__s'), 0) = 0"
    by_time = asked.get("sort_by") == "Modified_Time" and asked.get("sort_order") == "asc"
    rows, more = page(request, table(module), where=where, values=values, limit=size, offset=start,
                      order="updated, id" if by_time else "updated desc, id")  # fmt: skip
    if since and not rows and not start:
        return Response(status_code=304)
    told = [{name: body.get(name) for name in names if name in known} for _, _, body in rows]
    if meets(request, "far_future_cursor") and told:
        told[0]["Modified_Time"] = FUTURE
    most = gate_of(request).limits.option(VENDOR, "most", MOST)
    following = f"{start + size}~{bound}" if more and start + size < most else None
    if meets(request, "repeat_token") and start:
        following, more = f"{start}~{bound}", True
    info = {"per_page": size, "count": len(told), "page": number, "more_records": more,
            "sort_by": asked.get("sort_by", "id"), "next_page_token": following,
            "page_token_expiry": FUTURE if following else None}  # fmt: skip
    return listed(request, told, info)


def place(request: Request, size: int, bound: str) -> tuple[int, int]:
    """The row at which a page begins, and its number."""
    asked = request.query_params
    if not 1 <= size <= LARGEST_PAGE:
        raise Refused(refusal(400, "per_page", code="INVALID_DATA"))
    if "page_token" in asked:
        start, _, same = asked["page_token"].partition("~")
        if gate_of(request).limits.option(VENDOR, "expired", 0):
            raise Refused(refusal(400, "the token has expired", code="EXPIRED_VALUE"))
        if same != bound or "page" in asked:
            raise Refused(refusal(400, "page_token", code="TOKEN_BOUND_DATA_MISMATCH"))
        return int(start), int(start) // size + 1
    number = int(asked.get("page", 1))
    if number * size > BY_NUMBER:
        raise Refused(refusal(400, "page_token", code="DISCRETE_PAGINATION_LIMIT_EXCEEDED"))
    return (number - 1) * size, number


def listed(request: Request, rows: list[Json], info: Json) -> Response:
    return reply(request, {"data": rows, "info": info}) if rows else Response(status_code=204)


def has(module: str) -> set[str]:
    if module not in HAS:
        raise Refused(
            refusal(400, "the module name given seems to be invalid", code="INVALID_MODULE")
        )
    return HAS[module]


def table(module: str) -> str:
    """What a vendor's people made, with what a tool wrote over it."""
    written = f"select * from shelf where vendor = 'zoho' and kind = '{module}'"
    when = "json_extract(body, '$.written')"
    return (
        f"(select id, coalesce(json_extract(body, '$.created'), {when}) as created, {when} as"
        f" updated, body from ({written}) where not coalesce(json_extract(body, '$.is_deleted'), 0)"
        f" union all select id, created, updated, body from zoho_{module.lower()}"
        f" where id not in (select id from ({written})))"
    )


def link(module: str, number: int | None) -> Json | None:
    return None if number is None else {"name": "somebody", "id": record_id(module, number)}


def _contact(said: Json) -> Json:
    return {"First_Name": said["first"], "Last_Name": said["last"], "Email": said["email"],
            "Secondary_Email": said["email"] if said["mobile"] else None,
            "Phone": said["phone"], "Mobile": said["mobile"],
            "Title": said["job"], "Date_of_Birth": said["birth_date"],
            "Mailing_Street": said["street"], "Mailing_Zip": said["postal_code"],
            "Mailing_State": said["region"], "Mailing_City": said["city"], "Lead_Source": None,
            "Mailing_Country": said["country"], "Account_Name": link("Accounts", said["account"]),
            "Email_Opt_Out": said["is_out"], "Unsubscribed_Time": None,
            "App_User_Id": said["user_id"], "Rapport_Customer_Id": None, "Score": None,
            "Tag": []}  # fmt: skip


def _lead(said: Json) -> Json:
    contact = said.get("contact")
    return {"First_Name": said["first"], "Last_Name": said["last"], "Email": said["email"],
            "Secondary_Email": said["email"] if said["mobile"] else None,
            "Phone": said["phone"], "Mobile": said["mobile"],
            "Designation": said["job"], "Company": said["company"], "Website": None,
            "Street": said["street"], "Zip_Code": said["postal_code"], "State": said["region"],
            "City": said["city"], "Country": said["country"], "Lead_Source": "Web",
            "Lead_Status": "Contacted", "Email_Opt_Out": said["is_out"], "Unsubscribed_Time": None,
            "Converted__s": contact is not None, "Converted_Contact": link("Contacts", contact),
            "Converted_Account": link("Accounts", said["account"]) if contact else None,
            "Converted_Date_Time": stamp(said["converted"]) if contact else None,
            "Tag": []}  # fmt: skip


def _account(said: Json) -> Json:
    return {"Account_Name": said["name"], "Website": said["domain"], "Industry": "Retail",
            "Employees": said["employees"], "Billing_Country": "DE"}  # fmt: skip


def _deal(said: Json) -> Json:
    return {"Deal_Name": said["name"], "Account_Name": link("Accounts", said["account"]),
            "Contact_Name": link("Contacts", said["contact"]), "Stage": said["stage"],
            "Pipeline": "Standard (Standard)", "Amount": said["amount"], "Currency": "EUR",
            "Closing_Date": stamp(said["closes"])[:10]}  # fmt: skip


def _case(said: Json) -> Json:
    return {"Case_Number": f"{said['contact']:08d}", "Subject": said["subject"],
            "Status": "Closed" if said["closed"] else "New", "Priority": "Medium",
            "Case_Origin": "Email", "Related_To": link("Contacts", said["contact"]),
            "Account_Name": None, "Email": said["email"],
            "Owner": {"name": "An agent", "id": "5500000000000000001"}}  # fmt: skip


SHAPES: dict[str, Any] = {"account": _account, "contact": _contact, "lead": _lead, "deal": _deal,
                          "case": _case}  # fmt: skip
router.include_router(login)
router.include_router(data)
