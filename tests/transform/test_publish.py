import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from rapport.errors import ConfigError
from rapport.transform.publish import Published, publish
from rapport.warehouse import url

from ..faults.tally import kill

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
PEOPLE = Published(("build", "people"), "marts", "people", ("customer_id",))
ORDERS = Published(("build", "orders"), "marts", "orders", ("order_id",))


@pytest.fixture
def built(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    warehouse.execute("""
        create schema if not exists build;
        create table build.people (customer_id text, name text, tags text[], data jsonb);
        comment on table build.people is 'One row per person.';
        comment on column build.people.name is 'What they are called.';
        insert into build.people
        select 'c_' || n, 'name ' || n, array['a'], '{"n": 1}' from generate_series(1, 1000) as n;
        create table build.orders (order_id text, customer_id text, amount numeric);
        insert into build.orders select n::text, 'c_1', n from generate_series(1, 10) as n;
    """)
    return warehouse


def night(connection: psycopg.Connection[Any], number: int, *tables: Published) -> dict[str, Any]:
    run_id = f"run-{number}"
    connection.execute(
        "insert into ops.nights (run_id, as_of, status) values (%s, %s, 'succeeded')"
        " on conflict do nothing",
        (run_id, AS_OF),
    )
    return publish(run_id=run_id, as_of=AS_OF, tables=tables or (PEOPLE, ORDERS))


def test_only_rows_that_changed_are_moved(built: psycopg.Connection[Any]) -> None:
    first = night(built, 1)
    assert first["marts.people"] == {"changed": 1000, "deleted": 0}
    before = dict(built.execute("select customer_id, xmin::text from marts.people").fetchall())
    built.execute("update build.people set name = 'new' where customer_id in ('c_1', 'c_2')")
    built.execute("update build.people set name = null where customer_id = 'c_3'")
    built.execute("delete from build.people where customer_id = 'c_4'")
    built.execute("insert into build.people values ('c_x', 'x', null, null)")
    second = night(built, 2)
    assert second["marts.people"] == {"changed": 4, "deleted": 1}
    assert second["marts.orders"] == {"changed": 0, "deleted": 0}
    after = dict(built.execute("select customer_id, xmin::text from marts.people").fetchall())
    moved = {key for key in after if after[key] != before.get(key)}
    assert moved == {"c_1", "c_2", "c_3", "c_x"}
    assert built.execute("table build.people except table marts.people").fetchall() == []


def test_publishing_a_night_again_moves_only_what_a_second_build_changed(
    built: psycopg.Connection[Any],
) -> None:
    counts = night(built, 1)
    moved = built.execute("select xmin::text from marts.people order by 1").fetchall()
    assert night(built, 1) == counts
    assert built.execute("select xmin::text from marts.people order by 1").fetchall() == moved
    built.execute("delete from build.people where customer_id = 'c_4'")
    assert night(built, 1)["marts.people"] == {"changed": 1000, "deleted": 1}
    assert built.execute("select count(*) from marts.people").fetchone() == (999,)


def test_descriptions_reach_the_published_table(built: psycopg.Connection[Any]) -> None:
    night(built, 1)
    shown = "select obj_description('marts.people'::regclass), col_description('marts.people'::regclass, 2)"  # noqa: E501
    assert built.execute(shown).fetchone() == ("One row per person.", "What they are called.")
    built.execute("comment on column build.people.name is 'Their name.'")
    night(built, 2)
    assert built.execute(shown).fetchone() == ("One row per person.", "Their name.")


def test_an_added_column_keeps_the_table_and_a_changed_one_makes_it_anew(
    built: psycopg.Connection[Any],
) -> None:
    night(built, 1)
    oid = built.execute("select 'marts.people'::regclass::oid").fetchone()
    built.execute("alter table build.people add column country text")
    built.execute("update build.people set country = 'DE'")
    night(built, 2)
    assert built.execute("select 'marts.people'::regclass::oid").fetchone() == oid
    assert built.execute("select distinct country from marts.people").fetchall() == [("DE",)]
    built.execute("alter table build.people alter column country type int using 1")
    night(built, 3)
    assert built.execute("select distinct country from marts.people").fetchall() == [(1,)]


def test_a_table_that_is_not_built_stops_everything(built: psycopg.Connection[Any]) -> None:
    missing = Published(("build", "nothing"), "marts", "nothing", ("id",))
    with pytest.raises(ConfigError, match="not built"):
        night(built, 1, PEOPLE, missing)
    assert built.execute("select to_regclass('marts.people')").fetchone() == (None,)
    assert built.execute("select count(*) from ops.publications").fetchone() == (0,)


KILLED = """
from datetime import UTC, datetime
from rapport.transform.publish import Published, publish
publish(run_id="run-2", as_of=datetime(2026, 3, 31, 3, tzinfo=UTC), tables=(
    Published(("build", "orders"), "marts", "orders", ("order_id",)),
    Published(("build", "people"), "marts", "people", ("customer_id",)),
))
"""


@pytest.mark.parametrize("passage", [1, 2])
def test_a_publication_killed_between_two_tables_leaves_the_night_before(
    built: psycopg.Connection[Any],
    passage: int,
    record_property: Any,
) -> None:
    night(built, 1)
    built.execute(
        "insert into ops.nights (run_id, as_of, status) values ('run-2', now(), 'failed')"
    )
    built.execute("update build.people set name = 'new'; update build.orders set amount = 0")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "RAPPORT_FAULT": f"publish.table:{passage}"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    record_property(*kill("publication, between tables", f"table {passage}"))
    assert built.execute("select count(*) from marts.people where name = 'new'").fetchone() == (0,)
    assert built.execute("select count(*) from marts.orders where amount = 0").fetchone() == (0,)
    subprocess.run([sys.executable, "-c", KILLED], check=True)
    assert built.execute("table build.people except table marts.people").fetchall() == []
    assert built.execute("table build.orders except table marts.orders").fetchall() == []


def test_a_reader_never_sees_a_mixture_of_two_nights(built: psycopg.Connection[Any]) -> None:
    built.execute("update build.people set name = '0'; update build.orders set amount = 0")
    night(built, 0)
    seen: list[tuple[Any, ...]] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(url(), autocommit=True) as reader:
            while not stop.is_set():
                seen.extend(
                    reader.execute(
                        "select min(name), max(name), count(*),"
                        " (select min(amount)::text from marts.orders) from marts.people"
                    ).fetchall()
                )

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 6):
        built.execute(f"update build.people set name = '{number}'")
        built.execute(f"update build.orders set amount = {number}")
        night(built, number)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(seen) > 5
    assert {row for row in seen if not (row[0] == row[1] == row[3] and row[2] == 1000)} == set()


def test_declared_indexes_are_made_once_and_on_a_table_that_was_there_before(
    built: psycopg.Connection[Any],
) -> None:
    night(built, 1)
    indexed = Published(
        ("build", "people"), "marts", "people", ("customer_id",), ('lower(name) collate "C"',)
    )
    for number in (2, 3):
        night(built, number, indexed)
    made = built.execute(
        "select count(*) from pg_indexes where schemaname = 'marts' and indexdef ~ 'lower'"
    ).fetchone()
    assert made == (1,)
