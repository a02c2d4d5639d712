"""Whole nights of an invented company: real Airflow, dbt, Postgres and gates, vendors over HTTP."""

import contextlib
import json
import os
import random
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.operations.local_run import LOCK
from rapport.runs.summary import Summary
from rapport.warehouse import locks

from ..faults.tally import WITHOUT, kill
from .conftest import Company, found

Stories = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def story(company: Company) -> Stories:
    """Four runs: the first night, the same night again, the next one, and it built as a whole."""
    told: Stories = {}
    for name in ("first", "again", "next", "whole"):
        if name == "next":
            company.next_night()
        if name == "whole":
            company.change("truncate ops.built_models")
        before = company.writes()
        summary = company.night()
        told[name] = {
            "summary": summary,
            "hashes": company.hashes(),
            "writes": company.writes() - before,
            "intercom": company.tool("state/intercom"),
        }
    return told


def test_a_night_succeeds_and_says_what_it_did(story: Stories, company: Company) -> None:
    summary = Summary.model_validate(story["first"]["summary"])
    assert summary.status == "succeeded"
    assert summary.customers.total > 50
    assert summary.customers.new == summary.customers.total
    assert {"nps_90d", "csat_90d", "ces_90d", "repeat_purchase_rate"} <= set(summary.metrics)
    assert {name for name, gate in summary.gates.items() if gate.passed} == {
        "arrival", "publication",
    }  # fmt: skip
    path = company.folder / "var" / "runs" / summary.run_id / "summary.json"
    assert Summary.model_validate_json(path.read_text()) == summary


def test_no_process_of_a_night_was_a_superuser(story: Stories, company: Company) -> None:
    supers = company.ask("select rolname, rolcanlogin from pg_roles where rolsuper")
    assert supers == [("postgres", False)]
    assert company.ask("select rolsuper from pg_roles where rolname = current_user") == [(False,)]


def test_a_night_leaves_the_grants_as_they_are_declared(story: Stories, company: Company) -> None:
    done = company.rapport("doctor", "--json")
    found = {one["name"]: one["found"] for one in json.loads(done.stdout)["findings"]}
    assert found["roles"].endswith("roles as declared")
    assert found["login of segments"] == "reads marts and nothing else"


def test_what_was_read_is_landed_unchanged_or_rejected(story: Stories) -> None:
    for told in story.values():
        for streams in told["summary"]["sources"].values():
            for stream in streams.values():
                parts = ("landed", "unchanged", "rejected")
                assert stream["read"] == sum(stream[part] for part in parts)


def test_members_are_those_sent_and_those_not_sent_for_a_reason(story: Stories) -> None:
    for told in story.values():
        segments = told["summary"]["segments"]
        assert sum(segment["members"] for segment in segments.values()) > 0
        for segment in segments.values():
            assert segment["members"] == segment["sent"] + sum(segment["not_sent"].values())


def test_a_second_run_lands_nothing_moves_nothing_and_writes_to_no_tool(
    story: Stories, company: Company
) -> None:
    again = story["again"]
    streams = [s for streams in again["summary"]["sources"].values() for s in streams.values()]
    assert sum(stream["landed"] for stream in streams) == 0
    assert again["hashes"] == story["first"]["hashes"]
    assert again["writes"] == 0
    assert story["first"]["writes"] > 0
    moved = company.ask(
        "select table_name from ops.published_tables where changed + deleted > 0"
        f" and run_id = '{again['summary']['run_id']}'"
    )
    assert moved == []


def models_built(company: Company, run_id: str) -> int:
    [[built]] = company.ask(
        "select sum((result ->> 'models')::integer) from ops.stages"
        f" where kind = 'build' and run_id = '{run_id}'"
    )
    return int(built)


def test_a_run_without_news_builds_what_shows_the_state_of_the_sources_and_no_more(
    story: Stories, company: Company
) -> None:
    built = {name: models_built(company, told["summary"]["run_id"]) for name, told in story.items()}
    assert built["first"] == built["whole"] > 100
    # What was pushed by the first run and who entered a segment is read by the second.
    assert 0 < built["again"] < 20


def test_a_run_that_builds_only_what_changed_gives_the_tables_of_a_whole_build(
    story: Stories,
) -> None:
    assert story["whole"]["hashes"] == story["next"]["hashes"]


def test_the_next_night_moves_only_what_changed(story: Stories, company: Company) -> None:
    summary = story["next"]["summary"]
    assert summary["status"] == "succeeded"
    first, landed = (
        sum(
            stream["landed"]
            for streams in story[name]["summary"]["sources"].values()
            for stream in streams.values()
        )
        for name in ("first", "next")
    )
    assert 0 < landed < first / 10
    assert summary["customers"]["new"] < summary["customers"]["total"] / 10
    moved = dict(
        company.ask(
            "select table_name, changed::float / nullif(rows, 0) from ops.published_tables"
            f" where run_id = '{summary['run_id']}'"
        )
    )
    assert 0 < moved["marts.fct_web_sessions"] < 0.2
    assert 0 < moved["marts.dim_customers"] < 0.6


def test_nobody_whom_the_tool_says_is_out_was_in_a_payload(
    story: Stories, company: Company
) -> None:
    assert story["first"]["writes"] > 0
    assert not company.tool("violations")["violations"]


# Where the first night is killed, then the next one.
KILLS = [
    ("landing.before_commit:4", "publish.table:5"),
    ("landing.committed:9", "activation.answered:2"),
]
SEED = int(os.environ["RAPPORT_SEED"])


def chosen_kills() -> list[Any]:
    """All with `make faults`; else one, in the first night, by a seed that its name shows."""
    if os.environ.get("RAPPORT_FAULTS") == "all":
        return [pytest.param(pair, id="-".join(pair)) for pair in KILLS]
    fault = random.Random(SEED).choice([fault for pair in KILLS for fault in pair])
    return [pytest.param((fault,), id=f"{fault}-seed-{SEED}")]


@pytest.mark.parametrize("faults", chosen_kills())
def test_a_night_killed_anywhere_and_run_again_ends_as_if_nothing_had_happened(
    story: Stories, tmp_path: Path, faults: tuple[str, ...], record_property: Any
) -> None:
    company = found(tmp_path)
    try:
        for fault, name in zip(faults, ("first", "next"), strict=False):
            killed = company.rapport("run", "--json", RAPPORT_FAULT=fault)
            assert killed.returncode == -9, f"{fault}: {killed.stdout} {killed.stderr}"
            record_property(*kill("whole night", fault))
            assert company.night()["status"] == "succeeded"
            assert company.hashes() == story[name]["hashes"]
            company.next_night()
        violations = company.tool("violations")["violations"]
        record_property(WITHOUT, len(violations))
        assert not violations
    finally:
        company.close()


LONG = pytest.mark.skipif(
    os.environ.get("RAPPORT_FAULTS") != "all", reason="make faults: a whole night of its own"
)


@LONG
def test_airflow_s_database_that_goes_away_in_a_night_harms_no_table(
    story: Stories, tmp_path: Path
) -> None:
    company = found(tmp_path)
    try:
        assert company.rapport("run", RAPPORT_FAULT="landing.committed:1").returncode == -9
        with psycopg.connect(company.url("postgres", "postgres"), autocommit=True) as server:
            ended = threading.Event()
            gone: list[int] = []

            def take_away() -> None:
                """From the build on nobody gets in, and who was in is thrown out."""
                ask = "select count(*) from ops.stages where name = 'build staging'"
                while not ended.wait(0.2):
                    if company.ask(ask) != [(0,)]:
                        server.execute("alter database airflow with allow_connections false")
                        out = server.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity"
                            " where datname = 'airflow'"
                        )
                        gone.append(out.rowcount)
                        return

            watcher = threading.Thread(target=take_away)
            watcher.start()
            broken = company.rapport("run", "--json")
            ended.set()
            watcher.join()
            assert gone and gone[0] > 0
            assert broken.returncode != 0
            assert company.ask("select count(*) from ops.publications") == [(0,)]
            assert company.writes() == 0
            server.execute("alter database airflow with allow_connections true")
        assert company.night()["status"] == "succeeded"
        assert company.hashes() == story["first"]["hashes"]
    finally:
        company.close()


GERMAN = (
    "locale_provider icu icu_locale 'de-DE' locale 'C'",
    "locale_provider libc locale 'de_DE.utf8'",
)


@LONG
def test_a_warehouse_of_another_language_holds_the_same(story: Stories, tmp_path: Path) -> None:
    company = found(tmp_path)
    try:
        with psycopg.connect(company.url("postgres", "postgres"), autocommit=True) as server:
            for how in GERMAN:
                with contextlib.suppress(
                    psycopg.errors.FeatureNotSupported, psycopg.errors.WrongObjectType
                ):
                    server.execute(
                        "create database german owner rapport template template0 encoding utf8 "
                        + how
                    )
                    break
            else:
                pytest.skip("this Postgres has neither ICU nor the locale de_DE.utf8")
        german = company.url("german")
        company.settings["AIRFLOW_CONN_WAREHOUSE"] = german
        # By the bytes all small letters come after all capitals.
        assert company.ask("select 'a' < 'B'") == [(True,)]
        assert company.night()["status"] == "succeeded"
        assert company.hashes() == story["first"]["hashes"]
    finally:
        company.close()


def test_a_source_with_a_wrong_token_harms_no_other_and_says_what_to_do(
    company: Company, story: Stories
) -> None:
    wrong = f'{{"host": "{company.tool_url}/hubspot", "password": "canary-secret"}}'
    done = company.rapport("run", AIRFLOW_CONN_HUBSPOT=wrong)
    assert done.returncode == 1
    assert "canary-secret" not in done.stdout + done.stderr
    assert 'Check the connection "hubspot"' in " ".join(done.stdout.split())
    newest = company.ask("select status from ops.nights order by started_at desc limit 1")
    assert newest == [("partial",)]


def test_a_second_run_beside_the_first_is_refused(company: Company, story: Stories) -> None:
    url = company.rapport("db", "url").stdout.strip()
    with psycopg.connect(url, autocommit=True) as first:
        assert locks.try_to_hold(first, LOCK)
        done = company.rapport("run")
    assert done.returncode == 1
    assert "AlreadyRunning" in done.stderr


def published(company: Company) -> dict[str, str]:
    """What readers and tools see; who is who is known before the gate."""
    hashes = company.hashes()
    return {name: value for name, value in hashes.items() if not name.startswith("identity.")}


def test_a_failed_gate_leaves_last_night_in_place(company: Company, story: Stories) -> None:
    before = published(company)
    url = company.rapport("db", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into ops.nights (run_id, as_of, status) values ('huge', now(), 'succeeded');"
            "insert into ops.publications (run_id, as_of) values ('huge', now());"
            "insert into ops.published_tables values"
            " ('huge', 'marts.dim_customers', 1000000, 0, 0)"
        )
    company.next_night()
    writes = company.writes()
    done = company.rapport("run")
    said = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "customer_count" in said
    assert "Report:" in said
    assert published(company) == before
    assert company.writes() == writes
