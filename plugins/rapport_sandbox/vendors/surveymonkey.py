"""A double of SurveyMonkey: two surveys and the responses to them.

Shapes after https://api.surveymonkey.com/v3/docs. Answers hold ids; `simple=true` adds their texts.
`start_modified_at` leaves out its own second.

>>> sorted(SURVEYS)
['510', '511']
"""

import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from rapport_sandbox.call_gate import (
    FUTURE,
    Refused,
    door,
    gate_of,
    meets,
    reply,
    retry_after_headers,
)
from rapport_sandbox.catalogue import BLAME, PRAISE
from rapport_sandbox.clock import DAY, SECOND, parse_iso, seconds_iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import Change, page, ready, total
from rapport_sandbox.store import Json, encode

VENDOR = "surveymonkey"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-surveymonkey", "extra": {}}
LIMITS = [("*", 120, 60.0)]
STREAM = "surveymonkey_responses"
# id: title, score question, lowest and highest score, comment question
SURVEYS = {
    "510": ("Would you recommend us?", "9001", 0, 10, "9002"),
    "511": ("How was the delivery?", "9101", 1, 5, "9102"),
}
CHANGED = "2026-01-05T10:00:00+00:00"


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    error = {"id": "1040" if status == 429 else "1010", "name": code or "Error",
             "http_status_code": status, "message": message or "no"}  # fmt: skip
    headers = retry_after_headers(retry_after, style)
    return Response(encode({"error": error}), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Some answer one of the surveys, a few of them correct their answer later."""
    if dice.random() > 0.35:
        return
    survey = dice.choice(sorted(SURVEYS))
    _, question, lowest, highest, free = SURVEYS[survey]
    moment = (arrival + int(dice.random() * 120 * DAY)) // SECOND * SECOND
    score = round(lowest + (highest - lowest) * person.mood)
    words = dice.choice((PRAISE if person.mood > 0.6 else BLAME)["en"].split("|"))
    id = str(11_000_000_000 + person.number)
    answers = [_question(question, {"choice_id": f"{question}{score}", "simple_text": str(score)})]
    if dice.random() < 0.5:
        answers.append(_question(free, {"text": words, "simple_text": words}))
    body = _response(id, survey, person, moment, answers, dice.random())
    yield Change(moment, STREAM, id, body)
    if dice.random() < 0.1:
        later = moment + 2 * DAY
        yield Change(later, STREAM, id, {**body, "date_modified": _stamp(later)})


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, [STREAM])


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {"surveys": len(SURVEYS), "responses": total(request, STREAM)}


router = APIRouter(
    prefix="/surveymonkey",
    dependencies=[Depends(door(VENDOR, refusal, is_bearer=True)), Depends(projected)],
)


@router.get("/v3/surveys")
async def surveys(request: Request) -> Response:
    found = [
        {"id": id, "title": survey[0], "href": f"/v3/surveys/{id}", "date_modified": CHANGED,
         "response_count": total(request, STREAM, "json_extract(body, '$.survey_id') = ?", [id])}
        for id, survey in SURVEYS.items()
    ]  # fmt: skip
    found = [] if meets(request, "empty") else found
    return reply(request, {"data": found, "page": 1, "per_page": 100, "total": 2, "links": {}})


@router.get("/v3/surveys/{id}/details")
async def details(request: Request, id: str) -> Response:
    title, question, lowest, highest, free = _survey(id)
    choices = [{"id": f"{question}{n}", "text": str(n)} for n in range(lowest, highest + 1)]
    asked = [{"id": question, "family": "single_choice", "headings": [{"heading": title}],
              "answers": {"choices": choices}},
             {"id": free, "family": "open_ended", "headings": [{"heading": "Why?"}]}]  # fmt: skip
    body = {"id": id, "title": title, "date_modified": CHANGED,
            "pages": [{"id": f"{id}1", "questions": asked}]}  # fmt: skip
    return reply(request, body)


@router.get("/v3/surveys/{id}/responses/bulk")
async def responses(request: Request, id: str) -> Response:
    query = request.query_params
    _survey(id)
    try:
        since = parse_iso(query.get("start_modified_at", "1970-01-01"))
        size, number = int(query.get("per_page", 50)), int(query.get("page", 1))
    except ValueError:
        raise Refused(refusal(400, "start_modified_at, per_page or page cannot be read")) from None
    if not 1 <= size <= 100:
        raise Refused(refusal(400, "per_page must be between 1 and 100"))
    where, values = "json_extract(body, '$.survey_id') = ? and updated > ?", [id, since]
    rows, more = page(request, STREAM, where=where, values=values, limit=size,
                      offset=(number - 1) * size)  # fmt: skip
    data = [body for _, _, body in rows]
    if meets(request, "far_future_cursor") and data:
        data[0] = {**data[0], "date_modified": FUTURE}
    links = {"next": f"/v3/surveys/{id}/responses/bulk?page={number + 1}"} if more else {}
    count = total(request, STREAM, where, values)
    answer = {"data": data, "page": number, "per_page": size, "total": count, "links": links}
    return reply(request, answer)


def _survey(id: str) -> tuple[str, str, int, int, str]:
    if id not in SURVEYS:
        raise Refused(refusal(404, "There was an error retrieving the requested resource."))
    return SURVEYS[id]


def _question(id: str, answer: Json) -> Json:
    return {"id": id, "answers": [answer]}


def _response(
    id: str, survey: str, person: Person, moment: int, answers: list[Json], draw: float
) -> Json:
    known: Json = {"user_id": person.user_id} if person.kind == "account" and draw < 0.6 else {}
    contact: Json = {"email": {"value": person.email}} if draw > 0.4 else {}
    body: dict[str, Any] = {
        "id": id,
        "survey_id": survey,
        "collector_id": "77",
        "recipient_id": "",
        "email_address": person.email if draw > 0.8 else "",
        "custom_variables": known,
        "date_created": _stamp(moment),
        "date_modified": _stamp(moment),
        "response_status": "completed",
        "metadata": {"contact": contact},
        "pages": [{"id": f"{survey}1", "questions": answers}],
    }
    return body


def _stamp(moment: int) -> str:
    return seconds_iso(moment).replace("Z", "+00:00")
