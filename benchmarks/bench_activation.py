"""Plan a segment of 1,000,000 with 1 % change; push it for the first time in bounded memory.

    python benchmarks/bench_activation.py [people]

The plan is compared with the bare join of the four tables that it rests on, in the same run.
Then push people to Intercom's twin that enforces a limit, and count what it refuses. Prints one
line of JSON. The warehouse is a database of its own on the embedded Postgres, which is
dropped at the end. Nothing is sent anywhere: the push goes to a tool that says yes.
"""

import json
import os
import resource
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn

from rapport.activation.planning.plan import plan_lists
from rapport.activation.segments.declarations import Definitions, Segment
from rapport.activation.segments.evaluation import evaluate_segment
from rapport.activation.segments.reading import Reader
from rapport.activation.sync.push import push_destination
from rapport.activation_options import ActivationOptions
from rapport.connectors.intercom.destination import Intercom
from rapport.vendors.connections import Connection
from rapport.vendors.destination import Audience, Batch, Destination, Person, Result
from rapport.warehouse import embedded, schema
from rapport_sandbox.app import create_app
from rapport_sandbox.company import Company
from rapport_sandbox.doubles import logins

TABLES = """
create schema if not exists marts; create schema if not exists marts_pii;
create table marts.dim_customers (customer_id text collate "C" primary key);
create table marts_pii.dim_customer_contacts (customer_id text collate "C" primary key,
    email text, phone text, full_name text, user_id text);
create table marts.dim_consents (customer_id text collate "C", channel text, purpose text,
    is_granted boolean, changed_at timestamptz, source text, policy_version text, event_id text,
    primary key (customer_id, channel, purpose));
create table marts.everybody (customer_id text, score integer);
"""
FILL = """
insert into marts.dim_customers select 'c_' || md5(n::text) from generate_series(1, {people}) n;
insert into marts_pii.dim_customer_contacts
    select customer_id, customer_id || '@example.com', null, 'Person ' || customer_id, null
    from marts.dim_customers;
insert into marts.dim_consents
    select customer_id, 'email', 'marketing', true, now(), 'files', '2026-01', 'e' || customer_id
    from marts.dim_customers;
insert into marts.everybody select customer_id, 1 from marts.dim_customers;
"""
CHANGE = """
update marts.everybody set score = 2 where customer_id < 'c_01';
delete from marts.everybody where customer_id > 'c_fe';
"""
# What nobody can plan without: the list as it is, as it should be, addresses and consents.
BARE = """
select count(*), count(traits), count(content_hash), count(email), count(is_granted)
from (
    select customer_id, traits from segments.membership
    where segment = 'everybody' and left_at is null
) as member
full join (
    select customer_id, content_hash from activation.ledger
    where destination = 'tool' and segment = 'everybody'
) as held using (customer_id)
left join marts_pii.dim_customer_contacts using (customer_id)
left join marts.dim_consents using (customer_id)
"""
SEGMENT = Segment.model_construct(
    key="everybody", name="Everybody", description="", owner="bench", purpose="marketing",
    channel="email", destinations=("tool",), traits={"score": "score"}, priority=1,
    holdout_share=0.0, size_band=(0, 10**9), change_budget=1.0, expires=date(2999, 1, 1),
    suppresses=(), needs=(), mode="mirror",
)  # fmt: skip


class Tool(Destination):
    """Says yes to everything."""

    name = "tool"
    documentation = "https://example.com"
    needs_connection = False
    batch_size = 5000

    def upsert(self, batch: Batch) -> Sequence[Result]:
        return [Result(person.customer_id, person.customer_id) for person in batch.people]

    remove = upsert


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Any:
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 2)
    print(name, seconds[name], file=sys.stderr, flush=True)


def everybody(as_of: datetime) -> Reader:
    return Reader(as_of, lambda _: "table marts.everybody")


def measure(connection: psycopg.Connection[Any], people: int) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    options = ActivationOptions()
    definitions = Definitions({"everybody": SEGMENT})
    connection.execute(TABLES)  # type: ignore[arg-type]
    connection.execute(FILL.format(people=people))  # type: ignore[arg-type]
    connection.execute("vacuum analyze")
    first = datetime(2026, 3, 30, 3, tzinfo=UTC)
    second = first + timedelta(days=1)
    with (
        timed(seconds, "evaluate_first"),
        Reader(first, lambda _: "table marts.everybody") as reader,
    ):
        evaluate_segment(connection, SEGMENT, options, "first", first, reader)
    with timed(seconds, "plan_first"):
        plan_lists(connection, definitions, ["tool"], options, "first", first)
    with timed(seconds, "push_first"):
        counts = push_destination(connection, definitions, Tool(), options, "first", first)
    assert counts["everybody"]["sent"] == people, counts
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    connection.execute("vacuum analyze")
    connection.execute(CHANGE)  # type: ignore[arg-type]
    with (
        timed(seconds, "evaluate_changed"),
        Reader(second, lambda _: "table marts.everybody") as reader,
    ):
        evaluate_segment(connection, SEGMENT, options, "second", second, reader)
    with timed(seconds, "bare_join"):
        connection.execute(BARE).fetchone()  # type: ignore[arg-type]
    with timed(seconds, "plan_changed"):
        (plan,) = plan_lists(connection, definitions, ["tool"], options, "second", second)
    with timed(seconds, "push_changed"):
        push_destination(connection, definitions, Tool(), options, "second", second)
    with timed(seconds, "plan_unchanged"):
        plan_lists(connection, definitions, ["tool"], options, "second", second)
    return {
        "people": people,
        "changed": plan.add + plan.update + plan.remove,
        "seconds": seconds,
        "plan_to_bare_join": round(seconds["plan_changed"] / seconds["bare_join"], 2),
        "peak_memory_mb": round(memory),
    }


def live_rate(limit: int = 60, people: int = 400) -> dict[str, Any]:
    """Calls a second against a twin that allows `limit`, and the share that it refused."""
    with tempfile.TemporaryDirectory() as folder:
        Company.generate(Path(folder) / "company", 5, seed=3, start=date(2026, 3, 31))
        config = uvicorn.Config(
            create_app(Path(folder) / "company"), port=0, log_level="critical", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        connection = Connection("intercom", host=f"{base}/intercom", **logins()["intercom"])
        tool = Intercom({"requests_per_minute": limit * 60}, connection)
        audience = Audience("bench", "Bench", "email", "marketing", {"score": "integer"})
        tool.prepare(audience)
        rule = {"vendor": "intercom", "requests": limit * 5, "seconds": 5}
        httpx.post(f"{base}/_sandbox/limits", json=rule).raise_for_status()
        httpx.post(f"{base}/_sandbox/reset-calls").raise_for_status()
        rows = [
            Person(f"c_{n}", email=f"c_{n}@example.com", traits={"score": n}) for n in range(people)
        ]
        started = time.monotonic()
        accepted = 0
        for first in range(0, people, tool.batch_size):
            part = rows[first : first + tool.batch_size]
            batch = Batch(f"b{first}", audience, part, "bench", datetime.now(UTC))
            accepted += sum(result.accepted for result in tool.upsert(batch))
        seconds = time.monotonic() - started
        counted = httpx.get(f"{base}/_sandbox/calls").json()["calls"]["intercom"]
        tool.close()
        server.should_exit = True
        thread.join(10)
    calls = sum(counted.values())
    needed = 2 * people + -(-people // tool.batch_size)
    assert accepted == people
    return {
        "of_limit": round(needed / seconds / limit, 3),
        "refused": round((calls - needed) / calls, 4),
    }


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    name = f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(embedded.url("postgres", embedded.ADMIN), autocommit=True) as admin:
        admin.execute(f"create database {name} owner {embedded.OWNER}")  # type: ignore[arg-type]
        try:
            os.environ["AIRFLOW_CONN_WAREHOUSE"] = embedded.url(name)
            schema.migrate()
            with psycopg.connect(embedded.url(name), autocommit=True) as connection:
                found = measure(connection, people)
                print(json.dumps({**found, "live_rate": live_rate()}))
        finally:
            admin.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
