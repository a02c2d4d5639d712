"""A push reads in proportion to the list, also to one that grows from nothing in this push."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.conftest import drop_database, point_to

from rapport.activation.planning.plan import plan_lists
from rapport.activation.segments.declarations import Definitions, Segment
from rapport.activation.segments.evaluation import evaluate_segment
from rapport.activation.segments.reading import Reader
from rapport.activation.sync.push import push_destination
from rapport.activation_options import ActivationOptions
from rapport.vendors.destination import Batch, Destination, Result
from rapport.warehouse import connect

from .growth import exponent, without_autovacuum

SIZES = [600, 1800]
DATABASE = "batches"
FIRST = datetime(2026, 3, 30, 3, tzinfo=UTC)
TABLES = """
create schema if not exists marts;
create schema if not exists marts_pii;
create table marts.dim_customers (customer_id text collate "C" primary key);
create table marts_pii.dim_customer_contacts (
    customer_id text collate "C" primary key, email text, phone text, full_name text, user_id text
);
create table marts.dim_consents (
    customer_id text collate "C", channel text, purpose text, is_granted boolean,
    changed_at timestamptz, source text, policy_version text, event_id text,
    primary key (customer_id, channel, purpose)
);
create table marts.everybody (customer_id text, score integer);
"""
# Every fourth customer is two who were merged, and every tenth unsubscribed elsewhere.
FILL = """
insert into marts.dim_customers select 'c_' || md5(n::text) from generate_series(1, {people}) as n;
insert into marts_pii.dim_customer_contacts
select customer_id, customer_id || '@example.com', null, 'Somebody', null from marts.dim_customers;
insert into marts.dim_consents
select customer_id, 'email', 'marketing', true, now(), 'files', '2026-01', 'e' || customer_id
from marts.dim_customers;
insert into marts.everybody select customer_id, 1 from marts.dim_customers;
insert into identity.aliases
select customer_id, customer_id, now(), 'p' || customer_id from marts.dim_customers
union all
select 'old_' || customer_id, customer_id, now(), 'q' || customer_id
from marts.dim_customers where right(customer_id, 1) < '4';
insert into activation.suppressions
select 'elsewhere', customer_id, 'unsubscribed', 'sms', now() from marts.dim_customers
where right(customer_id, 1) < '2';
analyze;
"""
SEGMENT = Segment.model_construct(
    key="everybody", name="Everybody", description="", owner="tests", purpose="marketing",
    channel="email", destinations=("tool",), traits={"score": "score"}, priority=1,
    holdout_share=0.0, size_band=(0, 10**9), change_budget=1.0, expires=date(2999, 1, 1),
    suppresses=(), needs=(), mode="mirror",
)  # fmt: skip


class Tool(Destination):
    """Says yes to everything, and remembers the former ids that it was told."""

    name = "tool"
    documentation = "https://example.com"
    needs_connection = False
    batch_size = 10

    def __init__(self) -> None:
        self.told = 0
        self.former = 0

    def upsert(self, batch: Batch) -> Sequence[Result]:
        self.told += len(batch.people)
        self.former += sum(len(person.aliases) for person in batch.people)
        return [Result(person.customer_id, person.customer_id) for person in batch.people]

    remove = upsert


def reads(connection: psycopg.Connection[Any]) -> int:
    connection.execute("select pg_stat_force_next_flush()")
    row = connection.execute(
        "select tup_returned + tup_fetched from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def push_twice(connection: psycopg.Connection[Any], people: int) -> tuple[int, int]:
    """Rows read when everybody enters the list, and when nearly everybody leaves it again."""
    connection.execute(TABLES)  # type: ignore[arg-type]
    connection.execute(FILL.format(people=people).encode())
    options, definitions = ActivationOptions(), Definitions({"everybody": SEGMENT})
    found = []
    for run_id, as_of in (("first", FIRST), ("second", FIRST + timedelta(days=1))):
        with Reader(as_of, lambda _: "table marts.everybody") as reader:
            evaluate_segment(connection, SEGMENT, options, run_id, as_of, reader)
        plan_lists(connection, definitions, ["tool"], options, run_id, as_of)
        tool, before = Tool(), reads(connection)
        push_destination(connection, definitions, tool, options, run_id, as_of)
        found.append(reads(connection) - before)
        assert tool.told > 0.9 * people
        assert tool.former > 0.2 * people
        connection.execute("delete from marts.everybody where right(customer_id, 1) <> 'f'")
    return found[0], found[1]


@pytest.fixture(scope="module")
def read(postgres: str, template: str, superuser: str) -> list[tuple[int, int]]:
    found = []
    with (
        psycopg.connect(postgres, autocommit=True) as admin,
        pytest.MonkeyPatch.context() as patch,
        without_autovacuum(superuser),
    ):
        for people in SIZES:
            admin.execute(f"create database {DATABASE} template {template}")  # type: ignore[arg-type]
            point_to(patch, postgres, DATABASE)
            try:
                with connect(autocommit=True) as connection:
                    found.append(push_twice(connection, people))
            finally:
                drop_database(admin, DATABASE)
    return found


def test_filling_a_list_reads_in_proportion_to_it(read: list[tuple[int, int]]) -> None:
    assert exponent(SIZES, [entered for entered, _ in read]) <= 1.15, read


def test_emptying_a_list_reads_in_proportion_to_it(read: list[tuple[int, int]]) -> None:
    assert exponent(SIZES, [left for _, left in read]) <= 1.15, read
