"""What the SQL of a segment may do: read marts, and nothing in the owner's name."""

from typing import Any

import pytest
from psycopg import sql

from rapport.activation.segments.reading import Reader
from rapport.errors import ConfigError


def reader(world: Any, query: str) -> Reader:
    return Reader(world.as_of, lambda _: query)


def evaluate(world: Any, query: str) -> str | None:
    from rapport.activation.segments.evaluation import evaluate_segment

    segment = world.segment("readers", [])
    with reader(world, query) as reads:
        found = evaluate_segment(
            world.connection, segment, world.options, world.run_id, world.as_of, reads
        )
    return found.frozen_because


def members(world: Any) -> list[str]:
    rows = world.connection.execute(
        "select customer_id from segments.membership where left_at is null order by 1"
    )
    return [row[0] for row in rows]


def test_a_segment_is_read_by_the_login_of_segments(world: Any) -> None:
    query = "select session_user::text as customer_id, 1 as score"
    assert evaluate(world, query) is None
    assert members(world) == ["rapport_segments"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select customer_id, email as score from marts_pii.dim_customer_contacts", "denied"),
        ("select customer_id, birth_date::text as score from marts_pii.dim_customer_contacts",
         "denied"),
        ("select profile_id as customer_id, street as score from intermediate.int_contacts_unioned",
         "denied"),
        ("select record_key as customer_id, 1 as score from raw.hubspot__contacts", "denied"),
        ("select 'a' as customer_id, 1 as score) as x; drop table raw.loads; select (1",
         "multiple"),
        ("select pg_read_file('/etc/passwd') as customer_id, 1 as score", "denied"),
        ("select set_config('role', 'rapport', false) as customer_id, 1 as score", "denied"),
        ("select query_to_xml('table raw.loads', true, true, '')::text as customer_id, 1 as score",
         "denied"),
        ("select customer_id,\n  nowhere as score\nfrom marts.dim_customers", "seg_readers.sql:2"),
        ("select 'x'::int::text as customer_id, 1 as score", "data that Postgres refuses"),
        ("delete from marts.dim_customers returning customer_id, 1 as score", "syntax"),
    ],
)  # fmt: skip
def test_sql_that_asks_for_more_freezes_its_segment_and_says_so(
    world: Any, query: str, said: str
) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    frozen = evaluate(world, query)
    assert frozen is not None
    assert said in frozen
    assert "seg_readers.sql:" in frozen
    assert members(world) == ["ann"]
    assert world.connection.execute("select to_regclass('raw.loads')").fetchone() != (None,)


def test_what_one_segment_sets_does_not_reach_the_next(world: Any) -> None:
    first, second = world.segment("first", []), world.segment("second", [])
    queries = {
        "first": "select set_config('TimeZone', 'Pacific/Kiritimati', false) as customer_id,"
        " set_config('statement_timeout', '1', false) as score",
        "second": "select current_setting('TimeZone') as customer_id,"
        " current_setting('statement_timeout') as score",
    }
    world.connection.execute("create temp table zones (customer_id text, score text)")
    with Reader(world.as_of, lambda one: queries[one.key]) as reads:
        for segment in (first, second):
            reads.columns(segment)
            selected = sql.SQL("customer_id, score").format()
            reads.copy(segment, selected, world.connection, "zones")
    found = world.connection.execute("select * from zones").fetchall()
    assert found[-1] == ("UTC", "10min")


def test_columns_are_known_to_tools_by_their_kind(world: Any) -> None:
    segment = world.segment("readers", [])
    query = (
        "select 'a' as customer_id, 1 as a, 1.5 as b, true as c, date '2026-01-01' as d,"
        " timestamptz '2026-01-01' as e, array['x'] as f, 1::float4 as g"
    )
    with reader(world, query) as reads:
        assert reads.columns(segment) == {
            "customer_id": "string", "a": "integer", "b": "float", "c": "boolean", "d": "date",
            "e": "datetime", "f": "string", "g": "float",
        }  # fmt: skip


def test_without_the_login_no_segment_is_read_and_the_way_out_is_said(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_SEGMENTS", "postgres://x:y@127.0.0.1:1/w")
    world.customers("ann")
    world.segment("readers", ["ann"])
    assert "Run `rapport db migrate`" in world.night()["readers"]["cause"]
    assert world.tool.on("readers") == []
    with Reader(world.as_of) as reads, pytest.raises(ConfigError, match="create role x login"):
        reads.ask(sql.SQL("select 1").format())
