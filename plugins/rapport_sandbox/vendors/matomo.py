"""A double of Matomo: one site and the log of its visits.

Shapes after https://developer.matomo.org/api-reference/reporting-api#Live. All calls go to one
address, with the method and the token in a form. A day is that of the site's time zone, by the last
action of a visit; `minTimestamp` leaves out its own second; the newest is first unless told
otherwise. An error that is no missing right comes with 200.

>>> METHODS
('Live.getLastVisitsDetails', 'SitesManager.getSiteFromId')
"""

import hmac
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.catalogue import CAMPAIGNS, PRODUCT_IDS, WEB
from rapport_sandbox.clock import DAY, MINUTE, SECOND
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "matomo"
LOGIN: dict[str, Any] = {"login": "1", "password": "demo-not-a-secret-matomo", "extra": {}}
LIMITS = [("*", 1200, 60.0)]
STREAM = "matomo_visits"
METHODS = ("Live.getLastVisitsDetails", "SitesManager.getSiteFromId")
ZONE = ZoneInfo("Europe/Berlin")
FUTURE = 4_070_908_800


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body = {"result": "error", "message": message or code or "no"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Visits before and after the login; each grows with every action."""
    if person.kind not in ("account", "visitor") or dice.random() > 0.5:
        return
    moment = arrival
    for number in range(20):
        moment = (moment + int(dice.random() ** 2 * 60 * DAY)) // SECOND * SECOND
        visit = _visit(person, dice, number)
        source, _, campaign = dice.choice(CAMPAIGNS)
        paths = ["/", *(f"/products/{dice.choice(PRODUCT_IDS)}" for _ in range(dice.randint(0, 4)))]
        for step, path in enumerate(paths):
            query = f"?utm_source={source}&utm_campaign={campaign}" if campaign and not step else ""
            visit["actionDetails"] = [*visit["actionDetails"], _action(step, path, query, moment)]
            visit["lastActionTimestamp"] = visit["serverTimestamp"] = moment // SECOND
            visit["actions"] = str(step + 1)
            yield Change(moment, STREAM, int(visit["idVisit"]), dict(visit))
            moment += MINUTE * dice.randint(1, 25)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, [STREAM])


async def held(request: Request, since: int) -> dict[str, int]:
    """How many visits ended on the days that are over."""
    await projected(request)
    today = datetime.fromtimestamp(gate_of(request).as_of / 1000, ZONE).date()
    span = [since, _midnight(today)]
    return {"visits": total(request, STREAM, "updated >= ? and updated < ?", span)}


router = APIRouter(
    prefix="/matomo",
    dependencies=[
        Depends(door(VENDOR, refusal, is_allowed=lambda request: True)),
        Depends(projected),
    ],
)


@router.post("/index.php")
async def index(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    if "token_auth" in request.query_params:
        gate_of(request).violation(VENDOR, "token in the address", request)
    token, site = LOGIN["password"], LOGIN["login"]
    if not hmac.compare_digest(form.get("token_auth", "").encode(), token.encode()):
        raise Refused(refusal(401, "Unable to authenticate with the provided token."))
    if form.get("module") != "API" or form.get("method") not in METHODS:
        raise Refused(refusal(200, "The method does not exist or is not available."))
    if form.get("idSite") != site:
        raise Refused(refusal(200, "An unexpected website was found in the request."))
    if form["method"] == METHODS[1]:
        made = datetime.fromtimestamp(gate_of(request).as_of / 1000, ZONE) - timedelta(days=30)
        told = {"idsite": int(site), "name": "Shop", "timezone": ZONE.key}
        return reply(request, {**told, "ts_created": f"{made:%Y-%m-%d %H:%M:%S}"})
    return reply(request, _visits(request, form))


def _visits(request: Request, form: dict[str, str]) -> list[Any]:
    try:
        day = date.fromisoformat(form["date"])
        size, offset = int(form.get("filter_limit", 100)), int(form.get("filter_offset", 0))
        after = int(form.get("minTimestamp", 0)) * SECOND
    except (KeyError, ValueError):
        raise Refused(refusal(200, "General_ExceptionInvalidDateFormat")) from None
    today = datetime.fromtimestamp(gate_of(request).as_of / 1000, ZONE).date()
    first, end = _midnight(day - timedelta(days=day == today)), _midnight(day + timedelta(days=1))
    way = "asc" if form.get("filter_sort_order", "").lower() == "asc" else "desc"
    rows, _ = page(
        request,
        STREAM,
        where="updated >= ? and updated < ? and updated / 1000 > ? / 1000",
        values=[first, end, after],
        order=f"updated {way}, id {way}",
        limit=size,
        offset=offset,
    )
    shown = [body for _, _, body in rows]
    if meets(request, "far_future_cursor") and shown:
        shown[-1] = {**shown[-1], "lastActionTimestamp": FUTURE}
    return shown


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), ZONE).timestamp()) * SECOND


def _visit(person: Person, dice: random.Random, number: int) -> Json:
    is_known = person.kind == "account" and number > 0
    return {
        "idSite": LOGIN["login"],
        "idVisit": str(person.number * 100 + number),
        "visitorId": person.device.replace("-", "")[:16],
        "userId": person.user_id if is_known else None,
        "visitIp": "192.0.2.0",
        "referrerType": "direct",
        "referrerUrl": dice.choice(["", "https://www.search.example/"]),
        "actionDetails": [],
    }


def _action(step: int, path: str, query: str, moment: int) -> Json:
    action = {"type": "action", "url": WEB + path + query, "pageTitle": path,
              "pageId": str(moment + step), "timestamp": moment // SECOND}  # fmt: skip
    if path != "/":
        action["productViewSku"] = path.rpartition("/")[2]
    return action
