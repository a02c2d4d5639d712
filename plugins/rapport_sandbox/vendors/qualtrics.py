"""A double of Qualtrics: surveys, their definitions, and exports of responses in four steps.

Shapes after https://api.qualtrics.com/u9e5lh4172v0v-survey-response-export-guide. An export is not
ready when it is first asked about; the file is a zip of one file of JSON lines; a continuation
gives what came or was edited since.

>>> sorted(SURVEYS)
['SV_ces', 'SV_csat', 'SV_nps']
"""

import base64
import hmac
import io
import random
import uuid
import zipfile
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
from rapport_sandbox.clock import DAY, HOUR, SECOND, seconds_iso
from rapport_sandbox.person import Person
from rapport_sandbox.projection import MOST_PEOPLE, Change, page, ready, total
from rapport_sandbox.store import Json, decode, encode

VENDOR = "qualtrics"
LOGIN: dict[str, Any] = {"login": "", "password": "demo-not-a-secret-qualtrics", "extra": {}}
LIMITS = [("*/export-responses", 100, 60.0), ("*", 3000, 60.0)]
STREAM = "qualtrics_responses"
# id: title, lowest and highest score
SURVEYS = {
    "SV_nps": ("Would you recommend us?", 0, 10),
    "SV_csat": ("How was your order?", 1, 5),
    "SV_ces": ("How easy was it?", 1, 7),
}
CHANGED = "2026-01-05T10:00:00Z"
PAGE = 2
_ENTRY = (1980, 1, 1, 0, 0, 0)
_jobs: dict[str, Json] = {}


def refusal(
    status: int,
    message: str | None = None,
    retry_after: float | None = None,
    style: str = "seconds",
    code: str | None = None,
) -> Response:
    error = {"errorCode": code or f"E_{status}", "errorMessage": message or "no"}
    body = {"meta": {"httpStatus": f"{status} - no", "requestId": "r1", "error": error}}
    headers = retry_after_headers(retry_after, style)
    return Response(encode(body), status, headers, "application/json")


def timeline(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Change]:
    """Some answer one of the surveys, a few correct it later; colleagues try it out."""
    if person.kind == "visitor" or dice.random() > 0.35:
        return
    survey = dice.choice(sorted(SURVEYS))
    _, lowest, highest = SURVEYS[survey]
    moment = (arrival + int(dice.random() * 120 * DAY)) // SECOND * SECOND
    score = round(lowest + (highest - lowest) * person.mood)
    values: Json = {
        "startDate": seconds_iso(moment - HOUR),
        "endDate": seconds_iso(moment),
        "recordedDate": seconds_iso(moment),
        "_recordId": f"R_{person.number:015d}",
        "status": 1 if dice.random() < 0.05 else 0,
        "finished": 0 if dice.random() < 0.05 else 1,
        "progress": 100,
        "distributionChannel": "email",
        "userLanguage": "EN",
        "recipientEmail": person.email if dice.random() < 0.7 else "",
        "externalDataReference": person.user_id if person.kind == "account" else "",
        "QID1": score,
    }
    # Embedded data of the links in mails.
    values |= {"email": values["recipientEmail"], "user_id": values["externalDataReference"]}
    if survey == "SV_nps":
        values["QID1_NPS_GROUP"] = 3 if score > 8 else 2 if score > 6 else 1
    if dice.random() < 0.5:
        words = (PRAISE if person.mood > 0.6 else BLAME)["en"]
        values["QID2_TEXT"] = dice.choice(words.split("|"))
    id = str(values["_recordId"])
    body = {"responseId": id, "survey": survey, "values": values,
            "labels": {"QID1": str(score), "status": "IP Address"},
            "displayedFields": ["QID1", "QID2_TEXT"]}  # fmt: skip
    yield Change(moment, STREAM, id, body)
    if dice.random() < 0.1:
        edited = {**values, "QID1": lowest, "endDate": seconds_iso(moment + 2 * DAY)}
        yield Change(moment + 2 * DAY, STREAM, id, {**body, "values": edited})


def _is_allowed(request: Request) -> bool:
    given = request.headers.get("x-api-token", "").encode()
    return hmac.compare_digest(given, LOGIN["password"].encode())


async def projected(request: Request) -> None:
    ready(gate_of(request), VENDOR, timeline, [STREAM])


async def held(request: Request, since: int) -> dict[str, int]:
    """How many records there are of each stream."""
    await projected(request)
    return {"surveys": len(SURVEYS), "responses": total(request, STREAM)}


router = APIRouter(
    prefix="/qualtrics/API/v3",
    dependencies=[Depends(door(VENDOR, refusal, is_allowed=_is_allowed)), Depends(projected)],
)


@router.get("/surveys")
async def surveys(request: Request) -> Response:
    offset = int(request.query_params.get("offset", 0))
    size = gate_of(request).limits.page_size(PAGE)
    shown = sorted(SURVEYS)[offset : offset + size]
    elements = [{"id": id, "name": SURVEYS[id][0], "lastModified": CHANGED, "isActive": True}
                for id in shown]  # fmt: skip
    following = offset + size if offset + size < len(SURVEYS) else None
    if meets(request, "repeat_token") and offset:
        following = offset
    if meets(request, "empty"):
        elements, following = [], None
    link = f"{request.base_url}qualtrics/API/v3/surveys?offset={following}"
    return _result(request, {"elements": elements, "nextPage": link if following else None})


@router.get("/survey-definitions/{id}")
async def definition(request: Request, id: str) -> Response:
    title, lowest, highest = _survey(id)
    questions = {"QID1": {"QuestionText": title, "QuestionType": "MC", "DataExportTag": "Q1",
                          "Choices": {str(n): {"Display": str(n)}
                                      for n in range(lowest, highest + 1)}},
                 "QID2": {"QuestionText": "Why?", "QuestionType": "TE"}}  # fmt: skip
    body = {"SurveyID": id, "SurveyName": title, "LastModified": CHANGED, "Questions": questions}
    return _result(request, body)


@router.post("/surveys/{id}/export-responses")
async def order(request: Request, id: str) -> Response:
    _survey(id)
    body = decode(await request.body())
    if body.get("format") not in ("ndjson", "json", "csv"):
        raise Refused(refusal(400, "format is missing"))
    since = _since(id, body["continuationToken"]) if "continuationToken" in body else 0
    job = f"ES_{uuid.uuid4().hex[:16]}"
    if len(_jobs) > 1000:
        _jobs.clear()
    goes_on = bool(body.get("continuationToken", body.get("allowContinuation")))
    _jobs[job] = {"survey": id, "since": since, "until": gate_of(request).as_of, "asked": 0,
                  "goes_on": goes_on}  # fmt: skip
    return _result(request, {"progressId": job, "percentComplete": 0.0, "status": "inProgress"})


@router.get("/surveys/{id}/export-responses/{job}")
async def progress(request: Request, id: str, job: str) -> Response:
    held = _job(id, job)
    held["asked"] += 1
    if held["asked"] < 2:
        return _result(request, {"percentComplete": 100.0, "status": "inProgress", "fileId": None})
    done: dict[str, Any] = {"fileId": job, "percentComplete": 100.0, "status": "complete"}
    if held["goes_on"]:
        token = f"{id}:{held['until']}".encode()
        done["continuationToken"] = base64.urlsafe_b64encode(token).decode()
    return _result(request, done)


@router.get("/surveys/{id}/export-responses/{job}/file")
async def file(request: Request, id: str, job: str) -> Response:
    held = _job(id, job)
    rows, _ = page(request, STREAM, where="json_extract(body, '$.survey') = ? and updated >= ?",
                   values=[id, held["since"]], limit=MOST_PEOPLE)  # fmt: skip
    lines = [{k: v for k, v in body.items() if k != "survey"} for _, _, body in rows]
    if meets(request, "far_future_cursor") and lines:
        lines[0]["values"]["recordedDate"] = FUTURE
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        content = b"".join(encode(line) + b"\n" for line in lines)
        archive.writestr(zipfile.ZipInfo(f"{SURVEYS[id][0]}.ndjson", _ENTRY), content)
    return reply(request, packed.getvalue())


def _result(request: Request, result: Json) -> Response:
    meta = {"httpStatus": "200 - OK", "requestId": "r1"}
    return reply(request, {"result": result, "meta": meta})


def _survey(id: str) -> tuple[str, int, int]:
    if id not in SURVEYS:
        raise Refused(refusal(404, "The requested survey does not exist.", code="SURV_1"))
    return SURVEYS[id]


def _job(survey: str, job: str) -> Json:
    if _jobs.get(job, {}).get("survey") != survey:
        raise Refused(refusal(404, "The requested export does not exist."))
    return _jobs[job]


def _since(survey: str, token: str) -> int:
    try:
        of, _, moment = base64.urlsafe_b64decode(token).decode().partition(":")
        if of == survey:
            return int(moment)
    except ValueError:
        pass
    raise Refused(refusal(400, "The continuation token is not valid.", code="RP_1"))
