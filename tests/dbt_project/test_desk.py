"""A desk's replies, solutions and reopenings from its events equal Zendesk's definitions."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from tests.own_data import WITHOUT_TESTS, OwnData

from rapport.connectors import open_source
from rapport.landing import land
from rapport.vendors.source import Page

from .conftest import Connection, prepared, read, run_dbt
from .desk import AGENTS, AS_OF, COLLEAGUE, LEFT, Ticket, tickets
from .desk_oracle import (
    CHAT,
    EXPECTED,
    HOLIDAYS,
    OFFICE,
    TARGETS,
    business_minutes,
    is_late,
)

DESK = {str(ticket.id): ticket for ticket in tickets()}
LISTED = {id: ticket for id, ticket in DESK.items() if ticket.is_listed}
MARTS = ("mart_reply_times_daily", "mart_next_replies_daily", "mart_reconciliation_daily",
         "data_oddities")  # fmt: skip
# What the vendor counts differently from its events, on purpose.
TOLD_OTHERWISE = "follow-up ticket"


def written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def records() -> dict[str, list[dict[str, Any]]]:
    """What the export gives, by stream."""
    events, listed, deleted, customers = [], [], [], set()
    for ticket in DESK.values():
        if ticket.requester not in AGENTS and ticket.kind != "purged requester":
            customers.add(ticket.requester)
        events += [_event(ticket, place) for place in range(len(ticket.actions))]
        if ticket.is_listed:
            listed.append(_ticket(ticket))
        else:
            listed.append({**_ticket(ticket), "subject": "SCRUBBED", "status": "deleted"})
            deleted.append({"id": ticket.id, "deleted_at": written(ticket.actions[-1].at)})
    users = [{"id": id, "role": "end-user", "name": f"C {id}"} for id in {*customers, COLLEAGUE}]
    users += [{"id": id, "role": "admin" if id == LEFT else "agent"} for id in AGENTS]
    return {
        "tickets": listed, "users": users, "ticket_events": events, "deleted_tickets": deleted,
        "schedules": [_schedule(11, OFFICE), _schedule(12, CHAT)],
        "ticket_metric_events": [one for ticket in DESK.values() for one in _applications(ticket)],
    }  # fmt: skip


def _schedule(id: int, hours: dict[int, tuple[int, int]]) -> dict[str, Any]:
    """With minutes since Sunday, as the vendor's page on schedules says."""
    intervals = []
    for weekday, (opens, closes) in hours.items():
        midnight = weekday % 7 * 24 * 60
        intervals.append({"start_time": midnight + opens * 60, "end_time": midnight + closes * 60})
    holidays = [{"start_date": str(one), "end_date": str(one)} for one in sorted(HOLIDAYS)]
    return {"id": id, "name": "Hours", "time_zone": "Berlin", "intervals": intervals,
            "holidays": holidays, "created_at": f"2025-01-{id}T00:00:00Z"}  # fmt: skip


def _applications(ticket: Ticket) -> list[dict[str, Any]]:
    """A first policy of a minute, the one that holds, and one that was taken back."""
    if ticket.kind not in TARGETS:
        return []
    minutes, business = TARGETS[ticket.kind]
    return [
        {"id": ticket.id * 10 + place, "ticket_id": ticket.id, "metric": "reply_time",
         "instance_id": 1, "type": "apply_sla", "deleted": place == 2,
         "time": written(ticket.opened + timedelta(minutes=place)),
         "sla": {"target": target, "business_hours": business, "policy": {"title": f"P{place}"}}}
        for place, target in enumerate((1, minutes, 2))
    ]  # fmt: skip


def _event(ticket: Ticket, place: int) -> dict[str, Any]:
    action = ticket.actions[place]
    number = ticket.id * 100 + place
    children: list[dict[str, Any]] = []
    via = {"channel": "rule" if action.by_rule else "web"}
    if action.public is not None:
        children.append({"id": number * 10, "event_type": "Comment", "author_id": action.who,
                         "public": action.public, "body": "Words.", "via": via})  # fmt: skip
    if action.status:
        kind = "Change" if place else "Create"
        children.append({"id": number * 10 + 1, "event_type": kind, "status": action.status})
    if ticket.kind == "second brand on chat" and not place:
        children.append({"id": number * 10 + 4, "event_type": "ScheduleAssignment",
                         "previous_schedule_id": None, "new_schedule_id": 12})  # fmt: skip
    if ticket.kind == "side conversation" and place:
        children.append({"id": number * 10 + 2, "event_type": "CollabThreadReply"})
    if ticket.kind == "reassigned":
        children.append({"id": number * 10 + 3, "event_type": "Change", "assignee_id": "902"})
    return {"id": number, "ticket_id": ticket.id, "created_at": written(action.at),
            "timestamp": int(action.at.timestamp()), "event_type": "Audit",
            "updater_id": action.who, "child_events": children}  # fmt: skip


def _ticket(ticket: Ticket) -> dict[str, Any]:
    """The ticket; where it has metrics, as the definitions say, in whole minutes."""
    told = EXPECTED[str(ticket.id)]
    body = {
        "id": ticket.id, "requester_id": ticket.requester, "status": ticket.status,
        "via": {"channel": ticket.channel}, "subject": "A question", "priority": "normal",
        "created_at": written(ticket.opened), "updated_at": written(ticket.actions[-1].at),
    }  # fmt: skip
    if not ticket.has_metrics:
        return {**body, "metric_set": None}
    wrong = ticket.kind == TOLD_OTHERWISE
    last = [action.at for action in ticket.actions if action.status in ("solved", "closed")]
    is_solved = ticket.status in ("solved", "closed")
    full = int((last[-1] - ticket.opened).total_seconds() // 60) if last else None
    metrics = {
        "ticket_id": ticket.id, "created_at": body["created_at"],
        "reopens": told.reopens + wrong, "replies": told.replies,
        "solved_at": written(last[-1]) if is_solved else None,
        "reply_time_in_minutes": {"calendar": told.first_reply, "business": None},
        "full_resolution_time_in_minutes": {"calendar": full, "business": None},
    }  # fmt: skip
    return {**body, "metric_set": metrics}


@pytest.fixture(scope="module")
def desk(
    postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    """The desk, landed as a load would, resolved and built."""

    def prepare(connection: Connection) -> None:
        with pytest.MonkeyPatch.context() as patch:
            company = OwnData(tmp_path_factory.mktemp("desk"), patch, connection)
            settings = company.declare({"zendesk": {}})
            streams = {one.name: one for one in open_source("zendesk", settings).streams()}
            today = records()
            then = [dict(user, role="end-user") if user["id"] == LEFT else user
                    for user in today["users"]]  # fmt: skip
            for number, (name, found) in enumerate([*today.items(), ("users", then)]):
                rows = [json.dumps(record).encode() for record in found]
                land(connection, "zendesk", streams[name], [Page(rows)], run_id=f"r{number}",
                     as_of=AS_OF)  # fmt: skip
            company.build(("staging", "identity"), as_of=AS_OF)
            run_dbt("build", "--select", *[f"+{mart},tag:marts" for mart in MARTS], *WITHOUT_TESTS,
                    as_of=AS_OF, settings=settings)  # fmt: skip

    with prepared(postgres, template, prepare) as connection:
        yield connection


@pytest.fixture(scope="module")
def ours(desk: Connection) -> pd.DataFrame:
    return read(desk, "select * from build.fct_conversations").set_index("conversation_id")


def number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def test_every_ticket_that_is_not_deleted_is_there(ours: pd.DataFrame) -> None:
    assert len(DESK) > 200
    assert set(ours.index) == set(LISTED)


@pytest.mark.parametrize("kind", sorted({ticket.kind for ticket in LISTED.values()}))
def test_figures_from_events_equal_the_definitions_ticket_by_ticket(
    ours: pd.DataFrame, kind: str
) -> None:
    for id, ticket in LISTED.items():
        if ticket.kind != kind:
            continue
        row, told = ours.loc[id], EXPECTED[id]
        assert row.event_replies == told.replies, id
        assert row.event_reopens == told.reopens, id
        assert number(row.event_first_reply_minutes) == told.first_reply, id
        assert row.is_outbound == told.is_outbound, id
        assert number(row.first_reply_minutes) == told.first_reply, id
        assert number(row.full_resolution_minutes) == told.resolution, id
        for found, calendar in (
            (row.first_reply_business_minutes, told.first_reply),
            (row.full_resolution_business_minutes, told.resolution),
        ):
            assert number(found) == business_minutes(ticket, calendar), id
        if told.resolution is not None:
            assert number(row.event_full_resolution_minutes) == told.resolution, id
        assert row.figures_from == ("vendor" if ticket.has_metrics else "events")
        assert row.replies == told.replies, id
        assert row.reopens == told.reopens + (kind == TOLD_OTHERWISE), id


def test_one_touch_is_counted_as_we_define_it_and_as_the_vendor_does(
    desk: Connection, ours: pd.DataFrame
) -> None:
    one, by_vendor, silent = 0, 0, 0
    for id, ticket in LISTED.items():
        told = EXPECTED[id]
        if ticket.status not in ("solved", "closed") or told.resolution is None:
            assert pd.isna(ours.loc[id].is_one_touch_by_vendor), id
            continue
        reopens = told.reopens + (ticket.kind == TOLD_OTHERWISE)
        is_one = told.replies == 1 and not reopens and not told.is_outbound
        assert (ours.loc[id].is_one_touch is True) == is_one, id
        assert pd.isna(ours.loc[id].is_one_touch) == (told.is_outbound or not told.replies), id
        one += is_one
        by_vendor += told.replies < 2
        silent += told.replies == 0
    daily = read(desk, "select * from build.mart_reply_times_daily")
    assert (daily.one_touch.sum(), daily.one_touch_by_vendor.sum()) == (one, by_vendor)
    assert daily.silent_solves.sum() == silent > 20
    assert daily.outbound.sum() == sum(EXPECTED[id].is_outbound for id in LISTED) > 20
    assert 0 < one < by_vendor


def test_follow_ups_are_of_customers_also_of_purged_ones(desk: Connection) -> None:
    told = [EXPECTED[id] for id in LISTED]
    daily = read(desk, "select * from build.mart_next_replies_daily")
    assert daily.follow_ups.sum() == sum(one.follow_ups for one in told) > 50
    assert daily.answered.sum() == sum(one.answered_follow_ups for one in told)


def test_solutions_in_the_future_are_set_aside_and_counted(
    desk: Connection, ours: pd.DataFrame
) -> None:
    future = [id for id, ticket in LISTED.items() if ticket.kind == "solved in the future"]
    assert ours.loc[future].full_resolution_minutes.isna().all()
    assert ours.loc[future].resolved_at.isna().all()
    odd = read(desk, "select * from build.data_oddities where column_name = 'solved_at'")
    assert odd[["oddity", "odd_rows"]].to_numpy().tolist() == [["in_the_future", len(future)]]


def test_how_long_a_reopened_conversation_is_open_is_counted_in_business_minutes(
    ours: pd.DataFrame,
) -> None:
    still = [id for id, ticket in LISTED.items() if ticket.kind == "reopened and still open"]
    for id in still:
        waited = int((AS_OF - LISTED[id].opened) / timedelta(minutes=1))
        assert number(ours.loc[id].open_minutes) == waited
        assert number(ours.loc[id].open_business_minutes) == business_minutes(LISTED[id], waited)
    assert ours.loc[still].is_one_touch.isna().all()


def test_each_ticket_has_the_schedule_and_the_policy_that_the_vendor_tells(
    ours: pd.DataFrame,
) -> None:
    late = []
    for id, ticket in LISTED.items():
        row = ours.loc[id]
        brand = ticket.kind == "second brand on chat"
        assert row.schedule == ("zendesk:12" if brand else "zendesk:11"), id
        target, business = TARGETS.get(ticket.kind, (None, None))
        assert number(row.first_reply_target) == target, id
        assert row.is_first_reply_late is is_late(ticket), (id, ticket.kind)
        if target:
            assert row.first_reply_target_hours == ("business" if business else "calendar")
            assert row.sla_policy == "P1"
        late.append(is_late(ticket))
    assert set(late) == {True, False, None}


def test_what_the_vendor_counts_otherwise_is_reconciled(desk: Connection) -> None:
    found = read(desk, "select * from build.mart_reconciliation_daily where metric like '%events'")
    differing = found[found.difference != 0]
    assert set(differing.metric) == {"reopens_from_events"}
    assert differing.difference.sum() == -sum(t.kind == TOLD_OTHERWISE for t in LISTED.values())
    assert set(found.metric) == {
        f"{name}_from_events"
        for name in ("first_reply_minutes", "full_resolution_minutes", "reopens", "replies")
    }
