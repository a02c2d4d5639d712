"""What somebody lays in the way of an erasure: tables with code of theirs, a push in between."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from rapport.activation.lists import KnownList
from rapport.activation.planning.consent import permission, refusal
from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions
from rapport.errors import RetryLater
from rapport.privacy.erase import erase, receipts
from rapport.vendors.destination import Person
from rapport.warehouse import connect, locks, url

from .conftest import MAIL, NOW, Held

Warehouse = psycopg.Connection[Any]


@pytest.fixture
def eve(held: Held) -> Iterator[Warehouse]:
    """A login that somebody let make tables in schemas of the warehouse."""
    name = f"eve_{secrets.token_hex(4)}"
    held.connection.execute(
        f"create role {name} login password 'eve';"
        f"grant {name} to current_user with inherit true, set true;"
        f"grant usage, create on schema marts, raw to {name};"
        f"create table public.caught (what text); grant insert on public.caught to {name};"
        f"grant connect on database {held.connection.info.dbname} to {name}"
    )
    address = url().replace("//rapport:", f"//{name}:x", 1)
    address = address.replace(address.split("//")[1].split("@")[0], f"{name}:eve")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection
    held.connection.execute(f"drop owned by {name} cascade; drop role {name}")


TRAP = """
create function marts.spring() returns trigger language plpgsql as $$
begin
    execute 'create table marts.made_by_the_trap as select current_user::text as who';
    return null;
end $$;
create function marts.watch(text) returns boolean language plpgsql immutable as $$
begin
    perform set_config('rapport.seen', current_user::text, false);
    return true;
end $$;
create table marts.trap (customer_id text, note text, check (marts.watch(note)));
create index on marts.trap (marts.watch(note));
insert into marts.trap values ('c_mara', 'mara.canary@example.com');
create trigger spring after delete or update on marts.trap
    execute function marts.spring();
create rule watching as on delete to marts.trap do also select marts.watch('rule')
"""


def test_an_erasure_runs_no_code_of_a_table_that_belongs_to_somebody_else(
    held: Held, eve: Warehouse
) -> None:
    eve.execute(TRAP)
    held.connection.execute(f"alter table raw.hubspot__companies owner to {eve.info.user}")
    eve.execute(
        "create trigger spring after delete or update on raw.hubspot__companies"
        " execute function marts.spring()"
    )
    request = held.ask()
    erase(held.connection, request, at=NOW)
    assert held.one("select to_regclass('marts.made_by_the_trap')") is None
    assert held.one("select current_setting('rapport.seen', true)") in (None, "")
    given = {one.store: one for one in receipts(held.connection, request.request_id)}
    assert given["marts.trap"].state == given["raw.hubspot__companies"].state == "by_hand"
    assert given["marts.trap"].answer == f"belongs to {eve.info.user}: delete there"
    assert held.one("select state from privacy.requests") == "done"
    assert held.one("select count(*) from raw.hubspot__contacts where record_key = '101'") == 0


class Tool:
    """A tool that holds people by address, and to which a push comes in between."""

    def __init__(self, comes: list[int]) -> None:
        self.asked = 0
        self.holds = True
        self.comes = comes

    def erase(self, person: Person) -> str | None:
        was_there, self.holds = self.holds, False
        self.asked += 1
        if self.asked in self.comes:
            self.holds = True
        return "deleted" if was_there else "not there"

    def close(self) -> None:
        pass


def test_whom_a_late_batch_brought_back_is_erased_by_the_last_look(held: Held) -> None:
    tool = Tool(comes=[1])
    tool_asked_first = held.ask()
    erase(held.connection, tool_asked_first, at=NOW, open_with=lambda *_: tool)  # type: ignore[arg-type, return-value]
    assert not tool.holds
    given = {one.store: one for one in receipts(held.connection, tool_asked_first.request_id)}
    assert given["tool files, last look"].answer is not None
    assert held.one("select state from privacy.requests") == "done"


def test_an_erasure_waits_for_a_push_to_the_tool_that_is_under_way(held: Held) -> None:
    tool = Tool(comes=[])
    request = held.ask()
    with connect(autocommit=True) as push, locks.only_one(push, "activation/files"):
        with pytest.raises(RetryLater, match="push to files is in progress"):
            erase(held.connection, request, at=NOW, open_with=lambda *_: tool)  # type: ignore[arg-type, return-value]
        assert tool.asked == 0
        assert held.one("select state from privacy.requests") != "done"
    erase(held.connection, request, at=NOW + timedelta(hours=1), open_with=lambda *_: tool)  # type: ignore[arg-type, return-value]
    assert not tool.holds
    assert held.one("select state from privacy.requests") == "done"


def test_an_erasure_is_not_done_while_somebody_evaluates(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.privacy.erase.WAIT_SECONDS", 0.05)
    request = held.ask()
    with connect(autocommit=True) as run, locks.shared(run, "activation"):
        with pytest.raises(RetryLater, match="a run is in progress"):
            erase(held.connection, request, at=NOW)
        assert held.one("select state from privacy.requests") != "done"
    erase(held.connection, request, at=NOW)
    assert held.one("select state from privacy.requests") == "done"


def test_an_address_in_a_link_is_erased_however_it_is_encoded(held: Held) -> None:
    mail = MAIL.lower()
    links = [
        f"/unsubscribe/{mail.replace('@', '%40')}",
        f"/go?to=%2Funsub%3Femail%3D{mail}",
        f"/a?b={mail.replace('@', '%2540').replace('.', '%2E')}",
    ]
    for number, link in enumerate(links):
        held.connection.execute(
            "insert into raw.amplitude__events select (jsonb_populate_record(one, %s)).*"
            " from raw.amplitude__events as one limit 1",
            (json.dumps({"record_key": f"link{number}", "payload": {"path": link}}),),
        )
    erase(held.connection, held.ask(), at=NOW)
    for number in range(len(links)):
        row = held.one(
            f"select payload::text from raw.amplitude__events where record_key = 'link{number}'"
        )
        assert "[erased]" in row, row


def test_nobody_is_taken_for_a_push_while_they_are_being_erased(held: Held) -> None:
    held.connection.execute(
        "create table marts.dim_consents (customer_id text, channel text, purpose text,"
        " is_granted boolean)"
    )
    held.ask()
    held.connection.execute(
        "insert into privacy.subjects select request_id, 'customers', 'c_mara'"
        " from privacy.requests"
    )
    for channel in ("email", "none"):
        segment = Segment.unknown("readers", "service", channel)  # type: ignore[arg-type]
        target = KnownList("files", segment, "declared", None).in_run(ActivationOptions(), "", NOW)
        statement = psycopg.sql.SQL(
            "select person.customer_id, {} from marts.dim_customers as person {} order by 1"
        ).format(refusal(target), permission(target))
        found = dict(held.connection.execute(statement).fetchall())
        assert found["c_mara"] == "erasure", channel
        assert found["c_tom"] != "erasure", channel
    assert MAIL
