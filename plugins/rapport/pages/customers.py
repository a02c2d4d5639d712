"""Customers: found by any id they ever had, and each in one window."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from psycopg.rows import dict_row

from rapport.activation.answers import why
from rapport.activation.planning.preview import last_evaluation
from rapport.card.data_age import read_freshness
from rapport.card.models import Card, Match
from rapport.card.read import card_of, matches_of, published_as_of
from rapport.errors import ConfigError
from rapport.identity.find import find
from rapport.pages import identity_graph
from rapport.pages.access import must
from rapport.pages.database import Connection, take
from rapport.pages.request import desk, look, look_at_ledgers, reader, show

PAGE = 20
TOUCHES = 40
LONGEST_NAME = 100
PEOPLE = "this login has no permission to see customers"

router = APIRouter()


@router.get("/customers")
def start(request: Request) -> HTMLResponse:
    """The question."""
    must(reader(request).sees_people, PEOPLE)
    return show(request, "customers.html", asked="", matches=None, total=0, after=None)


@router.post("/customers")
def ask(
    request: Request,
    who: Annotated[str, Form()] = "",
    after: Annotated[str, Form()] = "",
) -> Response:
    """Who is meant. A form, so that no address gets into a log or a browser's history."""
    must(reader(request).sees_people, PEOPLE)
    matches, total, following = search(request, who, after)
    if total == 1 and not after:
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/customers/{matches[0].customer_id}", 303)
    return show(request, "customers.html", asked=who, matches=matches, total=total, after=following)


def search(request: Request, who: str, after: str = "") -> tuple[list[Match], int, str | None]:
    """The customers that may be meant: by an id or an address, else by the beginning of a name.

    `total` is exact for ids and addresses; for names it counts what is shown. The last value
    continues the list, None at its end.
    """
    who = " ".join(who.replace("\x00", "").split())
    sees_contacts = reader(request).sees_contacts
    at = desk(request)
    following = None
    with look_at_ledgers(request) as connection:
        try:
            found = find(
                connection, who, region=at.settings.company.default_region, rules=at.rules,
                by_contact=sees_contacts,
            )  # fmt: skip
        except ConfigError:
            found = []
        total = len(found)
        take(connection, reader(request).role)
        if not found and sees_contacts and 1 <= len(who) <= LONGEST_NAME:
            found, following = _by_name(connection, who, after)
            total = len(found)
        matches = matches_of(connection, found[:PAGE], with_contact=sees_contacts)
    if sees_contacts and matches:
        shown = [match.customer_id for match in matches]
        at.warehouse.note(reader(request), "search", shown)
    order = {customer_id: place for place, customer_id in enumerate(found)}
    return sorted(matches, key=lambda match: order[match.customer_id]), total, following


def _by_name(connection: Connection, who: str, after: str) -> tuple[list[str], str | None]:
    """People whose full or last name begins so, from the index of names; keyset paging."""
    key, _, customer_id = after.rpartition("\t")
    begin = connection.execute("select marts_pii.search_form(%s)", [who]).fetchall()[0][0]
    if not begin:
        return [], None
    values = {
        "begin": begin,
        "end": begin + "\U0010ffff",
        "key": key or begin,
        "customer_id": customer_id,
        "limit": PAGE + 1,
    }
    rows = connection.execute(BY_NAME, values).fetchall()
    following = f"{rows[PAGE - 1][0]}\t{rows[PAGE - 1][1]}" if len(rows) > PAGE else None
    return list(dict.fromkeys(row[1] for row in rows[:PAGE])), following


@router.get("/customers/{customer_id}")
def card(request: Request, customer_id: str, before: str | None = None) -> Response:
    """One customer; a former id leads to the one of today."""
    must(reader(request).sees_people, PEOPLE)
    found, touches, drawing = look_at(request, customer_id, before)
    if found.customer_id != customer_id:
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/customers/{found.customer_id}", 307)
    known = desk(request).segments().segments
    mine = {membership.segment for membership in found.segments.memberships}
    golden = {value.name: value.value for value in found.who.contact}
    return show(
        request,
        "card.html",
        card=found,
        name=golden.get("full_name"),
        touches=touches,
        drawing=drawing,
        names={key: segment.name for key, segment in known.items()},
        other=[key for key in known if key not in mine],
    )


def look_at(
    request: Request, customer_id: str, before: str | None = None
) -> tuple[Card, list[dict[str, Any]], identity_graph.Picture]:
    """The card, the timeline before a time, and the picture of identity, as one moment."""
    who = reader(request)
    with look_at_ledgers(request) as connection:
        found = [_one(connection, customer_id)]
        as_of = published_as_of(connection)
        drawing = identity_graph.draw(connection, found[0], with_values=who.sees_contacts)
        answer = card_of(
            connection, found[0], as_of, read_freshness(connection, desk(request).entities),
            with_contact=who.sees_contacts, take_role=lambda: take(connection, who.role),
        )  # fmt: skip
        touches = timeline(connection, found[0], before)
    if who.sees_contacts:
        desk(request).warehouse.note(who, "card", found)
    return answer, touches, drawing


def _one(connection: Connection, customer_id: str) -> str:
    """The published customer of an id, a former one too; raises `ConfigError`."""
    found = find(connection, customer_id, region="ZZ", by_contact=False)
    if len(found) != 1:
        raise ConfigError("this id belongs to several customers. Use the search.")
    return found[0]


def timeline(connection: Connection, customer_id: str, before: str | None) -> list[dict[str, Any]]:
    """What happened on every channel, newest first, one page more than `before`."""
    moment, _, touchpoint_id = (before or "").replace("\x00", "").partition("|")
    try:
        until = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        raise HTTPException(
            422, "before: expected a time and an id, as in the link of the page"
        ) from None
    values = {"id": customer_id, "before": until, "touchpoint_id": touchpoint_id}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(TIMELINE, {**values, "limit": TOUCHES + 1}).fetchall()


@router.get("/customers/{customer_id}/why/{segment}")
def why_in(request: Request, customer_id: str, segment: str) -> HTMLResponse:
    """Each condition of a segment for one customer, and what became of their place."""
    must(reader(request).sees_people, PEOPLE)
    known = desk(request).segments().segments
    if segment not in known:
        raise ConfigError("there is no such segment, or its files cannot be read.")
    with look_at_ledgers(request) as connection:
        customer_id = _one(connection, customer_id)
    with look(request) as connection:
        answer = why.explain(connection, known[segment], customer_id, last_evaluation(connection))
    return show(request, "why.html", answer=answer, segment=known[segment], customer_id=customer_id)


@router.get("/customers/{customer_id}/identity")
def identity(
    request: Request, customer_id: str, limit: Annotated[int, Query(ge=1, le=200)] = 60
) -> HTMLResponse:
    """The picture of identity alone, larger."""
    must(reader(request).sees_people, PEOPLE)
    who = reader(request)
    with look_at_ledgers(request) as connection:
        customer_id = _one(connection, customer_id)
        drawing = identity_graph.draw(
            connection, customer_id, with_values=who.sees_contacts, most=limit
        )
    if who.sees_contacts:
        desk(request).warehouse.note(who, "card", [customer_id])
    return show(request, "identity.html", drawing=drawing, customer_id=customer_id)


BY_NAME = """
(
    select marts_pii.search_form(full_name) collate "C" as name, customer_id
    from marts_pii.dim_customer_contacts
    where
        marts_pii.search_form(full_name) collate "C" >= %(begin)s
        and marts_pii.search_form(full_name) collate "C" < %(end)s
        and (marts_pii.search_form(full_name) collate "C", customer_id)
            > (%(key)s, %(customer_id)s)
    order by marts_pii.search_form(full_name) collate "C", customer_id
    limit %(limit)s
)
union
(
    select marts_pii.search_form(last_name) collate "C" as name, customer_id
    from marts_pii.dim_customer_contacts
    where
        marts_pii.search_form(last_name) collate "C" >= %(begin)s
        and marts_pii.search_form(last_name) collate "C" < %(end)s
        and (marts_pii.search_form(last_name) collate "C", customer_id)
            > (%(key)s, %(customer_id)s)
    order by marts_pii.search_form(last_name) collate "C", customer_id
    limit %(limit)s
)
order by 1, 2
limit %(limit)s
"""

TIMELINE = """
select touchpoint_id, occurred_at, kind, channel, source, title, status
from marts.fct_touchpoints
where
    customer_id = %(id)s
    and (
        %(before)s::timestamptz is null
        or (occurred_at, touchpoint_id) < (%(before)s::timestamptz, %(touchpoint_id)s)
    )
order by occurred_at desc nulls last, touchpoint_id desc
limit %(limit)s
"""
