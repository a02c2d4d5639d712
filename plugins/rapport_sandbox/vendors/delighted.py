"""A double of Delighted: responses, people, unsubscribes and bounces, as bare arrays.

Shapes after https://app.delighted.com/docs/api. The key is the user of a Basic login without a
password. People are paged by the Link header: a page number is ignored there. `updated_since`
leaves out its own second.

>>> SCALES["nps"]
(0, 10)
"""

import base64
import hmac
import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import Refused, door, gate_of, meets, reply, retry_after_headers
from rapport_sandbox.catalogue import BLAME, PRAISE
from rapport_sandbox.clock import DAY, HOUR, SECOND
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "delighted"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-delighted", "extra": {}}
LIMITS = [("*", 300, 60.0)]
LISTS = {"unsubscribes": "unsubscribed_at", "bounces": "bounced_at"}
STREAMS = ["delighted_responses", "delighted_people", *(f"delighted_{name}" for name in LISTS)]
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces7": (1, 7)}
# Paths at which no record of this double names a person, by stream, and why.
UNNAMED = {"survey_responses person": "the source asks for the person, not only for the id"}
FUTURE = 4_070_908_800


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    body = {"status": code or status, "message": message or "no"}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Some are asked and answer, a few correct that; some say no, some have a dead address."""
    if person.kind == "visitor" or dice.random() > 0.3:
        return
    id, name = str(700_000_000 + person.number), f"{person.first} {person.last}"
    asked = (arrival + int(dice.random() * 60 * DAY)) // SECOND * SECOND
    known: Json = {"id": id, "name": name, "email": person.email, "phone_number": None,
                   "created_at": asked // SECOND, "last_sent_at": asked // SECOND,
                   "last_responded_at": None, "next_survey_scheduled_at": None}  # fmt: skip
    yield Change(asked, "delighted_people", id, known)
    answered = asked + int(dice.random() * 3 * DAY) // SECOND * SECOND + HOUR
    if dice.random() < 0.6:
        told = {**known, "last_responded_at": answered // SECOND}
        yield Change(answered, "delighted_people", id, told)
        body = _response(person, dice, id, answered)
        yield Change(answered, "delighted_responses", body["id"], body)
        if dice.random() < 0.2:
            later = answered + 2 * DAY
            edited = {**body, "updated_at": later // SECOND, "comment": "I changed my mind."}
            yield Change(later, "delighted_responses", body["id"], edited)
    for name_of, share in (("unsubscribes", 0.12), ("bounces", 0.08)):
        if dice.random() < share:
            body = {"person_id": id, "name": name, "email": person.email,
                    LISTS[name_of]: answered // SECOND}  # fmt: skip
            yield Change(answered, f"delighted_{name_of}", id, body)
    if dice.random() < 0.05:
        yield Change(answered + 20 * DAY, "delighted_people", id, None)


def _is_allowed(request: Request) -> bool:
    wanted = base64.b64encode(f"{LOGIN['password']}:".encode())
    given = request.headers.get("authorization", "").encode()
    return hmac.compare_digest(given, b"Basic " + wanted)


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, STREAMS)


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    found = {name.partition("_")[2]: total(request, name) for name in STREAMS}
    return {"survey_responses": found.pop("responses"), **found}


router = APIRouter(
    prefix="/delighted",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=_is_allowed)), Depends(projected)],
)


@router.get("/v1/survey_responses.json")
async def responses(request: Request) -> Response:
    size, number = _paging(request)
    query = request.query_params
    try:
        since = int(query.get("updated_since", -1))
    except ValueError:
        raise Refused(refusal(422, "updated_since is no Unix timestamp")) from None
    orders = {"asc": "created, id", "desc": "created desc, id",
              "asc:updated_at": "updated, id", "desc:updated_at": "updated desc, id"}  # fmt: skip
    if query.get("order", "asc") not in orders:
        raise Refused(refusal(422, "order is not known"))
    rows, _ = page(request, "delighted_responses", where="updated / 1000 > ?", values=[since],
                   order=orders[query.get("order", "asc")], limit=size,
                   offset=(number - 1) * size)  # fmt: skip
    shown = [body for _, _, body in rows]
    if query.get("expand[]") != "person":
        shown = [{**body, "person": body["person"]["id"]} for body in shown]
    if meets(request, "far_future_cursor") and shown:
        shown[0] = {**shown[0], "updated_at": FUTURE}
    return reply(request, shown)


@router.get("/v1/metrics.json")
async def metrics(request: Request) -> Response:
    query = request.query_params
    values = [int(query.get("since", 0)), int(query.get("until", FUTURE))]
    count = total(request, "delighted_responses", "created / 1000 between ? and ?", values)
    return reply(request, {"nps": 0, "response_count": count})


@router.get("/v1/people.json")
async def people(request: Request) -> Response:
    size, _ = _paging(request)
    after = request.query_params.get("page_info", "")
    rows, more = page(request, "delighted_people", where="id > ?", values=[after], order="id",
                      limit=size)  # fmt: skip
    following = str(rows[-1][0]) if more else ""
    if meets(request, "repeat_token") and after:
        following = after
    host = f"{request.url.scheme}://{request.url.netloc}"
    link = f'<{host}/delighted/v1/people.json?per_page={size}&page_info={following}>; rel="next"'
    headers = {"Link": link} if following else {}
    return reply(request, [body for _, _, body in rows], headers=headers)


@router.get("/v1/{name}.json")
async def out(request: Request, name: str) -> Response:
    if name not in LISTS:
        raise Refused(refusal(404))
    size, number = _paging(request)
    query = request.query_params
    values = [int(query.get("since", 0)), int(query.get("until", FUTURE))]
    rows, _ = page(request, f"delighted_{name}", where="updated / 1000 between ? and ?",
                   values=values, limit=size, offset=(number - 1) * size)  # fmt: skip
    return reply(request, [body for _, _, body in rows])


def _paging(request: Request) -> tuple[int, int]:
    try:
        size = int(request.query_params.get("per_page", 20))
        number = int(request.query_params.get("page", 1))
    except ValueError:
        size = number = 0
    if not 1 <= size <= 100 or number < 1:
        raise Refused(refusal(422, "per_page must be between 1 and 100"))
    return size, number


def _response(person: Person, dice: random.Random, id: str, moment: int) -> Json:
    kind = dice.choice(sorted(SCALES))
    lowest, highest = SCALES[kind]
    words = (PRAISE if person.mood > 0.6 else BLAME)["en"].split("|")
    known = {"user_id": person.user_id} if person.kind == "account" and dice.random() < 0.7 else {}
    return {
        "id": str(5_500_000_000 + person.number),
        "person": {"id": id, "name": f"{person.first} {person.last}", "email": person.email},
        "survey_type": kind,
        "score": round(lowest + (highest - lowest) * person.mood),
        "comment": dice.choice(words) if dice.random() < 0.5 else None,
        "permalink": f"https://app.delighted.example/r/{person.number}",
        "created_at": moment // SECOND,
        "updated_at": moment // SECOND,
        "person_properties": known,
        "notes": [],
        "tags": [],
        "additional_answers": [],
    }
