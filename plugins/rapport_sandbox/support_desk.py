"""Events in the invented support desk: users, tickets, replies, reopened tickets and ratings.

>>> ticket_id(3, 2)
10000302
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapport_sandbox import names
from rapport_sandbox.catalogue import AGENTS, BLAME, PRAISE, SUBJECTS
from rapport_sandbox.clock import DAY, HOUR, MINUTE, SECOND, seconds_iso
from rapport_sandbox.store import Batch, Json

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

HOST = "https://lindenquell.zendesk.example/api/v2"
SUPPORT_GROUP = 501
# The place of an event in its ticket, from which its id is made: 0 for the question, then answers.
NOTE, REOPENED, SOLVED, CLOSED = 50, 60, 70, 80


def user_id(number: int) -> int:
    return 20_000_000 + number


def ticket_id(number: int, count: int) -> int:
    return 10_000_000 + number * 100 + count


def add_agents(batch: Batch, moment: int) -> None:
    for id, name in AGENTS.items():
        email = f"{names.fold(name.replace(' ', ''))}@lindenquell.example"
        batch.put("zendesk_users", id, _user(id, name, email, None, None, "agent", moment), moment)
        batch.truth.append((f"zendesk:users:{id}", f"agent-{id}", "agent"))


def add_user(life: Life, moment: int) -> None:
    """Add the person's user, with at least one of their identifiers unless they are hidden."""
    person = life.person
    if life.state.get("in_desk"):
        return
    first, last = life.written_name(in_desk=True)
    hidden = person.hidden_in == "zendesk"
    external = person.user_id if person.kind == "account" and life.chance(0.6) else None
    phone: str | None = life.phone() if life.chance(0.35) else None
    email: str | None = life.email()
    if hidden:
        external, phone, email = None, None, f"desk.{person.spare_email}"
    elif external is not None and life.chance(0.3):
        email = f"desk.{person.spare_email}"
    elif life.chance(0.03) and external is not None:
        email = None
    if external is not None and life.chance(0.02):
        phone = life.dice.choice(("0000000000", "n/a"))
    id = user_id(person.number)
    spelled = life.spelling(email) if email else None
    body = _user(id, f"{first} {last}", spelled, phone, external, "end-user", moment)
    life.batch.put("zendesk_users", id, body, moment // SECOND * SECOND)
    life.truth(f"zendesk:users:{id}", "fuzzy" if hidden else "exact")
    life.state["in_desk"] = True


def forget(life: Life, moment: int) -> None:
    """Erase the person: the user remains without personal data, as in Zendesk."""
    body = life.batch.get("zendesk_users", user_id(life.person.number))
    if body is None:
        return
    body.update(name="Permanently Deleted User", email=None, phone=None, external_id=None)
    body.update(active=False, updated_at=seconds_iso(moment), notes="", details="")
    life.batch.put("zendesk_users", body["id"], body, moment // SECOND * SECOND)


def _ticket(life: Life, moment: int, _: Any) -> None:
    add_user(life, moment)
    person, id = life.person, ticket_id(life.person.number, life.count("tickets") % 100)
    created = seconds_iso(moment)
    agent = 101 + int(life.dice.random() * len(AGENTS))
    subject = life.dice.choice(SUBJECTS[person.language].split("|"))
    body: Json = {
        "url": f"{HOST}/tickets/{id}.json",
        "id": id,
        "external_id": None,
        "via": {"channel": life.dice.choice(("email", "web", "chat")), "source": {"rel": None}},
        "created_at": created,
        "updated_at": created,
        "type": life.dice.choice(("question", "problem")),
        "subject": subject,
        "raw_subject": subject,
        "description": f"{subject}?",
        "priority": life.dice.choice(("low", "normal", "normal", "high", "urgent")),
        "status": "new",
        "recipient": None,
        "requester_id": user_id(person.number),
        "submitter_id": user_id(person.number),
        "assignee_id": agent,
        "organization_id": None,
        "group_id": SUPPORT_GROUP,
        "has_incidents": False,
        "is_public": True,
        "tags": [person.language],
        "custom_fields": [],
        "satisfaction_rating": {"score": "unoffered"},
        "brand_id": 1,
    }
    metric: Json = {
        "url": f"{HOST}/ticket_metrics/{id + 1}.json",
        "id": id + 5_000_000_000,
        "ticket_id": id,
        "created_at": created,
        "updated_at": created,
        "group_stations": 1,
        "assignee_stations": 1,
        "reopens": 0,
        "replies": 0,
        "assignee_updated_at": created,
        "requester_updated_at": created,
        "status_updated_at": created,
        "initially_assigned_at": created,
        "assigned_at": created,
        "solved_at": None,
        "latest_comment_added_at": created,
        "reply_time_in_minutes": {"calendar": None, "business": None},
        "first_resolution_time_in_minutes": {"calendar": None, "business": None},
        "full_resolution_time_in_minutes": {"calendar": None, "business": None},
        "agent_wait_time_in_minutes": {"calendar": None, "business": None},
        "requester_wait_time_in_minutes": {"calendar": None, "business": None},
        "on_hold_time_in_minutes": {"calendar": 0, "business": 0},
    }
    _save(life, body, metric, moment)
    _comment(life, body, moment, 0, body["requester_id"], f"A question, number {id}.", was=None)
    data = {"id": id, "created": moment}
    if id % 5 == 0:
        life.later(moment + 3 * MINUTE + id * 104_729 % 9_000 * SECOND, "note", data)
    life.later(_last_minute(life, moment + life.wait(0.25) + 4 * MINUTE), "reply", data)
    life.later(life.daytime(moment + life.wait(75) + DAY), "ticket")
    if life.chance(0.01):
        life.later(moment + life.wait(20), "remove_ticket", data)


def _reply(life: Life, moment: int, data: Json) -> None:
    """An agent answers. Most tickets are then solved, some wait for the customer."""
    found = _load(life, data)
    if found is None:
        return
    ticket, metric = found
    was, ticket["status"] = ticket["status"], "pending" if life.chance(0.5) else "open"
    metric["replies"] += 1
    text = f"An answer to number {ticket['id']}."
    _comment(life, ticket, moment, metric["replies"], ticket["assignee_id"], text, was=was)
    if metric["reply_time_in_minutes"]["calendar"] is None:
        metric["reply_time_in_minutes"] = _minutes(data["created"], moment)
    metric["latest_comment_added_at"] = seconds_iso(moment)
    _save(life, ticket, metric, moment)
    following = "solve" if life.chance(0.7) else "reply"
    life.later(_last_minute(life, moment + life.wait(1.6) + 6 * MINUTE), following, data)


def _note(life: Life, moment: int, data: Json) -> None:
    """An agent writes an internal note."""
    found = _load(life, data)
    if found is not None:
        ticket, _ = found
        text = f"A note on number {ticket['id']}."
        _comment(life, ticket, moment, NOTE, ticket["assignee_id"], text, False, ticket["status"])


def _solve(life: Life, moment: int, data: Json) -> None:
    found = _load(life, data)
    if found is None:
        return
    ticket, metric = found
    was, agent = ticket["status"], ticket["assignee_id"]
    ticket["status"] = "solved"
    _comment(life, ticket, moment, SOLVED + metric["reopens"], agent, None, False, was)
    metric["solved_at"] = seconds_iso(moment)
    metric["full_resolution_time_in_minutes"] = _minutes(data["created"], moment)
    if metric["first_resolution_time_in_minutes"]["calendar"] is None:
        metric["first_resolution_time_in_minutes"] = _minutes(data["created"], moment)
    offered = life.chance(0.6)
    if offered:
        ticket["satisfaction_rating"] = {"score": "offered"}
        _rate_as(life, ticket, moment, "offered", None)
        if life.chance(0.5):
            life.later(moment + life.wait(0.8) + HOUR, "rate", data)
    if life.chance(0.3):
        life.later(
            moment + life.wait(1.2) + HOUR, "survey", {"form": "CesT3fgh", "ticket": data["id"]}
        )
    _save(life, ticket, metric, moment)
    if life.chance(0.13):
        life.later(moment + life.wait(1.5) + HOUR, "reopen", data)
    else:
        life.later(moment + 10 * DAY + life.wait(0.4), "close", data)


def _reopen(life: Life, moment: int, data: Json) -> None:
    found = _load(life, data)
    if found is None:
        return
    ticket, metric = found
    was, ticket["status"] = ticket["status"], "open"
    metric["reopens"] += 1
    metric["solved_at"] = None
    place = REOPENED + metric["reopens"]
    text = f"Number {ticket['id']} is not solved."
    _comment(life, ticket, moment, place, ticket["requester_id"], text, was=was)
    _save(life, ticket, metric, moment)
    life.later(moment + life.wait(0.5) + 5 * MINUTE, "reply", data)


def _close(life: Life, moment: int, data: Json) -> None:
    found = _load(life, data)
    if found is not None and found[0]["status"] == "solved":
        found[0]["status"] = "closed"
        _comment(life, found[0], moment, CLOSED, -1, None, False, "solved")
        _save(life, *found, moment)


def _rate(life: Life, moment: int, data: Json) -> None:
    found = _load(life, data)
    if found is None:
        return
    ticket, metric = found
    good = life.chance(0.35 + 0.6 * life.person.mood)
    words = (PRAISE if good else BLAME)[life.person.language].split("|")
    comment = life.dice.choice(words) if life.chance(0.45) else None
    score = "good" if good else "bad"
    ticket["satisfaction_rating"] = {"score": score, "comment": comment}
    _rate_as(life, ticket, moment, score, comment)
    _save(life, ticket, metric, moment)


def _remove_ticket(life: Life, moment: int, data: Json) -> None:
    """Delete the ticket: the export still has it without content, and its metrics are gone."""
    found = _load(life, data)
    if found is None:
        return
    ticket, metric = found
    subject = ticket["subject"]
    previous = ticket["status"]
    ticket.update(status="deleted", subject="SCRUBBED", raw_subject="SCRUBBED")
    ticket.update(description="SCRUBBED", tags=[], updated_at=seconds_iso(moment))
    second = moment // SECOND * SECOND
    life.batch.put("zendesk_tickets", ticket["id"], ticket, second)
    life.batch.drop("zendesk_ticket_metrics", metric["id"])
    body = {
        "id": ticket["id"],
        "subject": subject,
        "description": ticket["description"],
        "actor": {"id": 101, "name": AGENTS[101]},
        "deleted_at": seconds_iso(moment),
        "previous_state": previous,
    }
    life.batch.put("zendesk_deleted_tickets", ticket["id"], body, second)


def _rate_as(life: Life, ticket: Json, moment: int, score: str, comment: str | None) -> None:
    id = ticket["id"] + 6_000_000_000
    held = life.batch.get("zendesk_satisfaction_ratings", id)
    body = {
        "url": f"{HOST}/satisfaction_ratings/{id}.json",
        "id": id,
        "ticket_id": ticket["id"],
        "requester_id": ticket["requester_id"],
        "assignee_id": ticket["assignee_id"],
        "group_id": ticket["group_id"],
        "score": score,
        "comment": comment,
        "reason": None,
        "created_at": held["created_at"] if held else seconds_iso(moment),
        "updated_at": seconds_iso(moment),
    }
    life.batch.put("zendesk_satisfaction_ratings", id, body, moment // SECOND * SECOND)


def _load(life: Life, data: Json) -> tuple[Json, Json] | None:
    ticket = life.batch.get("zendesk_tickets", data["id"])
    metric = life.batch.get("zendesk_ticket_metrics", data["id"] + 5_000_000_000)
    if ticket is None or metric is None or ticket["status"] == "deleted":
        return None
    return ticket, metric


def _save(life: Life, ticket: Json, metric: Json, moment: int) -> None:
    second = moment // SECOND * SECOND
    ticket["updated_at"] = metric["updated_at"] = metric["status_updated_at"] = seconds_iso(moment)
    life.batch.put("zendesk_tickets", ticket["id"], ticket, second)
    life.batch.put("zendesk_ticket_metrics", metric["id"], metric, second)


def _comment(
    life: Life,
    ticket: Json,
    moment: int,
    place: int,
    author: int,
    text: str | None,
    public: bool = True,
    was: str | None = "new",
) -> None:
    """Add an event: a comment, unless `text` is None, and the status if it is not what it `was`.

    `place` defines its id. Reply times are computed from these comments.
    """
    id = ticket["id"] * 100 + place
    second = moment // SECOND * SECOND
    body = {"ticket_id": ticket["id"], "author_id": author, "body": text, "public": public}
    if was != ticket["status"]:
        body |= {"status": ticket["status"], "previous_value": was}
    life.batch.put("zendesk_comments", id, body, second)


def _minutes(since: int, until: int) -> Json:
    since, until = since // SECOND * SECOND, until // SECOND * SECOND
    return {
        "calendar": (until - since) // MINUTE,
        "business": (_open_until(until) - _open_until(since)) // MINUTE,
    }


def _open_until(moment: int) -> int:
    """The milliseconds that the desk was open since 1970: Monday to Friday, 9 to 17 UTC.

    >>> friday = 1_774_602_000_000  # 2026-03-27T09:00Z
    >>> (_open_until(friday + 4 * DAY) - _open_until(friday)) // HOUR
    16
    """
    weeks, weekday = divmod(moment // DAY + 3, 7)
    today = min(max(moment % DAY - 9 * HOUR, 0), 8 * HOUR) if weekday < 5 else 0
    return (weeks * 5 + min(weekday, 5)) * 8 * HOUR + today


def _last_minute(life: Life, moment: int) -> int:
    """Sometimes move an event into the last minute before a run, which an export leaves out."""
    blind = moment - moment % DAY + 3 * HOUR - 30 * SECOND
    return blind if blind > moment and life.chance(0.12) else moment


def _user(
    id: int, name: str, email: str | None, phone: str | None, external: str | None, role: str,
    moment: int,
) -> Json:  # fmt: skip
    return {
        "id": id,
        "url": f"{HOST}/users/{id}.json",
        "name": name,
        "email": email,
        "created_at": seconds_iso(moment),
        "updated_at": seconds_iso(moment),
        "time_zone": "Berlin",
        "phone": phone,
        "shared_phone_number": None,
        "locale": "en-US",
        "organization_id": None,
        "role": role,
        "verified": email is not None,
        "external_id": external,
        "tags": [],
        "active": True,
        "shared": False,
        "suspended": False,
        "notes": "",
        "details": "",
        "user_fields": {},
    }


HANDLERS = {
    "ticket": _ticket,
    "reply": _reply,
    "note": _note,
    "solve": _solve,
    "reopen": _reopen,
    "close": _close,
    "rate": _rate,
    "remove_ticket": _remove_ticket,
}
