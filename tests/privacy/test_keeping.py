"""Backups come back whole and without whom was erased since; what was kept long enough goes."""

import json
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from rapport import privacy, warehouse
from rapport.errors import ConfigError, RetryLater
from rapport.landing import tombstones
from rapport.landing.load_log import read_position
from rapport.operations.backup import backup, restore
from rapport.privacy.retention import prune
from rapport.warehouse import roles

from .conftest import CANARIES, NIGHT, NOW, TOMS, Held, records, send

HASHES = """
select md5(string_agg(t::text, '|' order by t::text))
from (table raw.zendesk__tickets) as t
"""


def test_a_restored_backup_forgets_again_whom_it_still_knew(held: Held) -> None:
    path = backup(at=NOW)
    assert path.stat().st_mode & 0o077 == 0
    held.ask()
    privacy.work(held.connection, at=NOW)
    before = held.one(HASHES)
    held.connection.execute("delete from raw.zendesk__tickets; drop table marts.mart_nps_daily")
    counts = restore(path, at=NOW)
    assert counts["people"] == 1
    path.unlink()
    text = held.everything().lower()
    assert [canary for canary in CANARIES if canary.lower() in text] == []
    assert held.one(HASHES) == before
    assert held.one("select nps from marts.mart_nps_daily") == 42
    assert held.one("select email from marts_pii.dim_customer_contacts") == TOMS
    assert held.one("select count(*) from privacy.requests where state = 'done'") == 2
    assert not roles.wanted(held.connection) - roles.granted(held.connection)
    assert warehouse.migrate() == []


def test_nobody_reads_a_restored_warehouse_before_the_erasures_are_repeated(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = backup(at=NOW)
    seen: list[bool] = []
    from rapport.privacy import repeated_erasures

    def look(*_: object, **__: object) -> dict[str, int]:
        readers = {"bi_reader", "support_reader", "marketing_reader"}
        grants = roles.granted(held.connection)
        seen.append(any(g.role in readers and g.kind != "database" for g in grants))
        return {"people": 0, "records": 0, "tombstones": 0}

    monkeypatch.setattr(repeated_erasures, "replay", look)
    restore(path, at=NOW)
    assert seen == [False]


def test_on_a_new_machine_the_journal_alone_remembers(held: Held) -> None:
    path = backup(at=NOW)
    held.ask()
    privacy.work(held.connection, at=NOW)
    known = held.one("select count(*) from privacy.tombstones")
    held.connection.execute("drop schema privacy, marts, marts_pii, identity cascade")
    assert restore(path, at=NOW)["tombstones"] == known
    assert held.one("select count(*) from marts.dim_customers") == 1


def test_a_journal_of_another_warehouse_is_refused(held: Held) -> None:
    tombstones.salt(held.connection)
    tombstones.journal().write_text(json.dumps({"salt": "00" * 32}) + "\n")
    with pytest.raises(ConfigError, match="belongs to another warehouse"):
        tombstones.recover(held.connection)


@pytest.mark.parametrize("damage", ["cut", "changed", "alone"])
def test_a_backup_that_is_not_whole_changes_nothing(held: Held, damage: str) -> None:
    path = backup(at=NOW)
    content = path.read_bytes()
    if damage == "alone":
        path.with_suffix(".json").unlink()
    else:
        path.write_bytes(content[:-100] if damage == "cut" else content[:-1] + b"x")
    before = held.one(HASHES)
    with pytest.raises(ConfigError):
        restore(path, at=NOW)
    assert held.one(HASHES) == before


def test_a_restore_that_fails_in_the_middle_changes_nothing(held: Held, superuser: str) -> None:
    path = backup(at=NOW)
    before = held.one(HASHES)
    held.connection.execute("create table public.later (a int)")
    held.connection.execute("create view public.depends as select * from public.later")
    address = urlsplit(superuser)._replace(path=f"/{held.connection.info.dbname}").geturl()
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(
            "create function public.no() returns event_trigger language plpgsql as"
            " $$ begin raise exception 'stop'; end $$;"
            "create event trigger no_ledger on ddl_command_end"
            " when tag in ('CREATE INDEX') execute function public.no()"
        )
        with pytest.raises(RetryLater, match="Nothing was changed"):
            restore(path, at=NOW)
        admin.execute("drop event trigger no_ledger")
    assert held.one(HASHES) == before


def test_a_backup_that_cannot_be_written_leaves_no_half_file(held: Held, tmp_path: Path) -> None:
    held.connection.execute("create table raw.broken (a int)")
    file = tmp_path / "b"
    file.write_text("")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        backup(at=NOW, folder=file)
    assert not list(tmp_path.glob("*.dump"))


def test_old_versions_go_and_the_present_and_the_watermark_stay(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 6):
        changed = records()
        changed["zendesk", "tickets"][0]["subject"] = f"day {day}"
        send(held.connection, changed, as_of=NIGHT + timedelta(days=day))
    position = read_position(held.connection, "zendesk", "tickets")
    config = Path(os.environ["RAPPORT_CONFIG"])
    with config.open("a") as file:
        file.write("privacy: {keep_old_versions_days: 2}\n")
    counts = prune(held.connection, at=NIGHT + timedelta(days=6))
    assert counts["old versions"] == 3
    kept = held.connection.execute(
        "select payload ->> 'subject', is_latest from raw.zendesk__tickets"
        " where record_key = '301' order by load_id"
    ).fetchall()
    assert kept == [("day 3", False), ("day 4", False), ("day 5", True)]
    assert read_position(held.connection, "zendesk", "tickets") == position
    assert prune(held.connection, at=NIGHT + timedelta(days=6))["old versions"] == 0


def test_leftovers_of_crashes_go_and_what_is_used_stays(held: Held) -> None:
    held.connection.execute(
        "create table build.people__dbt_tmp (a int);"
        "create view staging.stg__dbt_backup as select 1 as a;"
        "create table build.people (a int)"
    )
    old, new = held.var / "runs" / "20250101T030000Z-01", held.var / "runs" / "20260331T030000Z-01"
    draft = held.var / "exports" / ".full.csv.4711"
    for folder in (old, new):
        folder.mkdir(parents=True)
    draft.write_text("half")
    os.utime(draft, (0, 0))
    counts = prune(held.connection, at=NOW)
    assert counts["leftovers of crashes"] == 2
    assert counts["folders of runs"] == counts["drafts"] == 1
    assert (old.exists(), new.exists(), draft.exists()) == (False, True, False)
    assert held.one("select to_regclass('build.people')") == "build.people"
    assert prune(held.connection, at=NOW)["leftovers of crashes"] == 0
