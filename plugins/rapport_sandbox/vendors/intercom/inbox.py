"""The inbox of the made-up messaging tool: conversations of the contacts it has.

Shapes after https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations.
Here "greater than" on a date means greater or equal, to the second, unlike in the search for
contacts. Only the conversation itself has its parts.

>>> conversation_id("6500000000000000000000aa")
'433791696896'
"""

# ruff: noqa: S311 - repeatable dice; table and column names come from this package

import random
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request

from rapport_sandbox.call_gate import gate_of, meets, reply
from rapport_sandbox.catalogue import AGENTS, BLAME, PRAISE, SUBJECTS
from rapport_sandbox.clock import DAY, MINUTE, SECOND
from rapport_sandbox.company import Company
from rapport_sandbox.projection import Change, fill, page, total
from rapport_sandbox.store import Json, decode

TABLE = "intercom_conversations"
LARGEST = 150
inbox = APIRouter()


def conversation_id(contact: str) -> str:
    return str(int(contact[:10], 16))


def conversations(request: Request) -> int:
    """How many there are."""
    _ready(request)
    return total(request, TABLE)


@inbox.post("/conversations/search")
async def search_conversations(request: Request) -> Any:
    _ready(request)
    body = decode(await request.body())
    found = compile_query(body.get("query"))
    paging = body.get("pagination") or {}
    size = int(paging.get("per_page", 20))
    if found is None or not 1 <= size <= LARGEST:
        return reply(request, _error("parameter_invalid", "Invalid search query"), 400)
    where, values = found
    after = int(paging.get("starting_after") or 0)
    rows, more = page(request, TABLE, where=where, values=values, order="id desc",
                      limit=size, offset=after)  # fmt: skip
    count = total(request, TABLE, where, values)
    pages: Json = {"type": "pages", "page": after // size + 1, "per_page": size,
                   "total_pages": -(-count // size)}  # fmt: skip
    following = (
        after if meets(request, "repeat_token") and after else after + size if more else None
    )
    if following is not None:
        pages["next"] = {"page": after // size + 2, "starting_after": str(following)}
    shown = [{k: v for k, v in body.items() if k != "conversation_parts"} for _, _, body in rows]
    if meets(request, "far_future_cursor") and shown:
        shown[0]["updated_at"] = 4_070_908_800
    answer = {"type": "conversation.list", "conversations": shown, "total_count": count,
              "pages": pages}  # fmt: skip
    return reply(request, answer)


@inbox.get("/conversations/{id}")
async def read_conversation(request: Request, id: str) -> Any:
    _ready(request)
    rows, _ = page(request, TABLE, where="id = ?", values=[id], limit=1)
    if not rows:
        return reply(request, _error("not_found", "Conversation not found"), 404)
    return reply(request, rows[0][2])


def compile_query(query: Any) -> tuple[str, list[int]] | None:
    """(where, values) over the times of a conversation, None for what is no such query."""
    if not isinstance(query, dict):
        return None
    if query.get("operator") in ("AND", "OR") and isinstance(query.get("value"), list):
        parts = [compile_query(part) for part in query["value"]]
        if not parts or None in parts:
            return None
        joined = f" {query['operator'].lower()} ".join(part[0] for part in parts if part)
        return f"({joined})", [value for part in parts if part for value in part[1]]
    column = {"updated_at": "updated", "created_at": "created"}.get(str(query.get("field")))
    sign = {">": ">=", "<": "<=", "=": "="}.get(str(query.get("operator")))
    if column is None or sign is None or not str(query.get("value")).isdigit():
        return None
    return f"{column} {sign} ?", [int(query["value"]) * SECOND]


def _ready(request: Request) -> None:
    gate = gate_of(request)
    sql = "select id, email, body, created from intercom_contacts order by id"
    contacts = gate.database.execute(sql).fetchall()
    key = f"{gate.as_of}/{len(contacts)}"
    seed = Company.of(gate.database).seed
    fill(gate, "intercom", key, [TABLE], lambda: _conversations(contacts, seed))


def _conversations(contacts: list[Any], seed: int) -> Iterator[Change]:
    """Every other contact writes once: a question, an answer, most often an end and a rating."""
    for contact, email, stored, created in contacts:
        dice = random.Random(f"{seed}/inbox/{contact}")
        if dice.random() < 0.5:
            continue
        asked = created * SECOND + int(dice.random() * 60 * DAY) // SECOND * SECOND
        replied = asked + int((3 + dice.random() * 600) * MINUTE) // SECOND * SECOND
        closed = replied + int(dice.random() * 3 * DAY) // SECOND * SECOND
        rated = closed + int(dice.random() * DAY) // SECOND * SECOND
        score = dice.choice((1, 2, 3, 4, 4, 5, 5, 5))
        agent = str(dice.choice(list(AGENTS)))
        words = dice.choice((PRAISE if score > 3 else BLAME)["en"].split("|"))
        person = {"type": decode(stored)["role"], "id": contact, "name": "", "email": email}
        body = _opened(contact, person, asked, agent, dice.choice(SUBJECTS["en"].split("|")))
        yield Change(asked, TABLE, body["id"], body)
        body = _replied(body, replied, agent)
        yield Change(replied, TABLE, body["id"], body)
        if dice.random() < 0.8:
            body = _closed(body, closed, agent)
            yield Change(closed, TABLE, body["id"], body)
            if dice.random() < 0.6:
                rating = {"rating": score, "remark": words, "created_at": closed // SECOND,
                          "updated_at": rated // SECOND,
                          "contact": {"type": "contact", "id": contact},
                          "teammate": {"type": "admin", "id": agent}}  # fmt: skip
                body = {**body, "conversation_rating": rating, "updated_at": rated // SECOND}
                yield Change(rated, TABLE, body["id"], body)


def _opened(contact: str, person: Json, asked: int, agent: str, subject: str) -> Json:
    source = {"type": "conversation", "id": f"s{contact[:8]}", "delivered_as": "customer_initiated",
              "subject": "", "body": f"<p>{subject}?</p>", "author": person}  # fmt: skip
    return {
        "type": "conversation",
        "id": conversation_id(contact),
        "title": subject,
        "created_at": asked // SECOND,
        "updated_at": asked // SECOND,
        "open": True,
        "state": "open",
        "read": True,
        "priority": "not_priority",
        "admin_assignee_id": int(agent),
        "source": source,
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": contact}]},
        "conversation_rating": None,
        "statistics": {"type": "conversation_statistics", "time_to_admin_reply": None,
                       "first_admin_reply_at": None, "first_close_at": None,
                       "last_close_at": None, "count_reopens": 0,
                       "count_conversation_parts": 1},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [],
                               "total_count": 0},
    }  # fmt: skip


def _replied(body: Json, moment: int, agent: str) -> Json:
    statistics = {**body["statistics"], "first_admin_reply_at": moment // SECOND,
                  "time_to_admin_reply": moment // SECOND - body["created_at"]}  # fmt: skip
    return _with_part({**body, "statistics": statistics}, moment, "comment", agent, "<p>Sure.</p>")


def _closed(body: Json, moment: int, agent: str) -> Json:
    second = moment // SECOND
    statistics = {**body["statistics"], "first_close_at": second, "last_close_at": second}
    closed = {**body, "statistics": statistics, "open": False, "state": "closed"}
    return _with_part(closed, moment, "close", agent, None)


def _with_part(body: Json, moment: int, kind: str, agent: str, text: str | None) -> Json:
    parts = body["conversation_parts"]["conversation_parts"]
    part = {"type": "conversation_part", "id": f"{body['id']}{len(parts)}", "part_type": kind,
            "body": text, "created_at": moment // SECOND, "updated_at": moment // SECOND,
            "author": {"type": "admin", "id": agent}}  # fmt: skip
    parts = [*parts, part]
    listed = {"type": "conversation_part.list", "conversation_parts": parts,
              "total_count": len(parts)}  # fmt: skip
    return {**body, "updated_at": moment // SECOND, "conversation_parts": listed}


def _error(code: str, message: str) -> Json:
    errors = [{"code": code, "message": message, "field": None}]
    return {"type": "error.list", "request_id": "0000000000000000sandbox", "errors": errors}
