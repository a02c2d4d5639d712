"""Ten people at the pages: the card and the search over 1,000,000 customers.

    python benchmarks/bench_pages.py [people [seconds [card,search_email,search_name]]]

Each reader asks, reads for about a second, and asks again; then the same without reading, which
shows what the machine can answer at most. Prints one line of JSON, times in milliseconds. The
warehouse is a database of its own on the embedded Postgres, which is dropped at the end.
"""

import json
import os
import random
import resource
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psycopg
import yaml

from rapport.warehouse import embedded, schema

ROOT = Path(__file__).resolve().parent.parent
READERS = 10
PAUSE = 1.0
GOAL = 100.0
KINDS = {"card": 3, "search_email": 1, "search_name": 1}  # how often each is asked
LARGE, FEW = 10_000, 1_000  # rows of a table, rows that a question may read of it
FILL = """
insert into marts.data_status (source, streams, last_good_as_of, as_of, is_stale)
select source, 1, now(), now(), false from unnest('{hubspot,zendesk,files}'::text[]) source;
insert into marts.dim_customers (customer_id, country, sources)
select 'c_' || left(md5(n::text), 20), 'DE', '{hubspot,zendesk}'
from generate_series(1, %(people)s) n;
create temp table people as
select customer_id, row_number() over (order by customer_id) n from marts.dim_customers;
insert into marts_pii.dim_customer_contacts (customer_id, full_name, first_name, last_name, email)
select customer_id, initcap(md5(n::text)) || ' ' || initcap(md5(customer_id)), 'A',
    initcap(md5(customer_id)), 'p' || n || '@example.com'
from people;
insert into identity.rules values ('email', 1, 9, false, 'never') on conflict do nothing;
insert into identity.profiles (profile_id)
select kind || n from people, unnest('{hubspot:contacts:,zendesk:users:}'::text[]) kind;
insert into identity.identifiers (identifier_type, normal_form)
select 'email', 'p' || n || '@example.com' from people;
insert into identity.members
select profiles.profile_id, people.customer_id, now(), profile_key, n
from people
inner join identity.profiles
    on profiles.profile_id in ('hubspot:contacts:' || n, 'zendesk:users:' || n);
insert into identity.aliases
select customer_id, customer_id, now(), 'hubspot:contacts:' || n from people;
create table identity_build.int_identifiers_normalised
    (profile_key bigint, identifier_key bigint, excluded_key bigint);
insert into identity_build.int_identifiers_normalised
select profile_key, identifier_key
from identity.members
inner join people using (customer_id)
inner join identity.identifiers on normal_form = 'p' || n || '@example.com';
create index on identity_build.int_identifiers_normalised (identifier_key, profile_key);
create index on identity_build.int_identifiers_normalised (excluded_key)
    where excluded_key is not null;
create table identity_build.int_identity_edges
    (profile_key bigint, identifier_key bigint, identifier_type text, weight integer);
insert into identity_build.int_identity_edges
select profile_key, identifier_key, 'email', 5 from identity_build.int_identifiers_normalised;
create index on identity_build.int_identity_edges (profile_key, identifier_key);
insert into marts.fct_touchpoints (customer_id, touchpoint_id, kind, source, occurred_at, title)
select customer_id, 't' || n || '-' || k, 'order', 'files', now() - k * interval '1 day', 'Order'
from people, generate_series(1, 5) k;
insert into marts.fct_orders (customer_id, source, order_id, ordered_at, status, amount, currency)
select customer_id, 'files', 'o' || n, now(), 'paid', 10, 'EUR' from people;
insert into marts.fct_conversations
    (customer_id, source, conversation_id, status, is_open, created_at)
select customer_id, 'zendesk', n::text, 'open', true, now() from people;
insert into marts.dim_consents (customer_id, channel, purpose, is_granted, changed_at, source)
select customer_id, 'email', 'marketing', true, now(), 'files' from people;
insert into segments.membership
select 'payment_failed', customer_id, now(), null, 'treated', '{}', now()
from people
where n %% 4 = 0;
"""


def main(people: int = 1_000_000, seconds: int = 60, kinds: str = ",".join(KINDS)) -> None:
    """Build, serve, ask, print."""
    asked = kinds.split(",")
    admin, name = embedded.url("postgres", embedded.ADMIN), f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} owner {embedded.OWNER}")
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = embedded.url(name)
        try:
            ids = build(people)
            count_anew()
            server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE)
            assert server.stdout is not None
            try:
                port = int(server.stdout.readline())
                warming = ask(port, people, ids, asked, 3, 0.0)
                reading = ask(port, people, ids, asked, seconds, PAUSE)
                greedy = ask(port, people, ids, asked, seconds // 6, 0.0)
            finally:
                server.terminate()
                server.wait(30)
            runs = (warming, reading, greedy)
            questions = sum(int(kind["questions"]) for run in runs for kind in run.values())
            read_much = rows_read(questions)
        finally:
            connection.execute(f"drop database {name} with (force)")
    slowest = max(figures["p95"] for figures in reading.values())
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "people": people,
        "readers": READERS,
        "pause_seconds": PAUSE,
        "reading": reading,
        "without_pause": greedy,
        "server_cpu_ms_per_question": round(
            1000 * (usage.ru_utime + usage.ru_stime) / questions, 1
        ),
        "rows_read_a_question": read_much,
        "goal_met": slowest <= GOAL and max(read_much.values(), default=0) <= FEW,
    }
    print(json.dumps(result))


def build(people: int) -> list[str]:
    """The tables that the pages ask, with the indexes that publication gives them."""
    schema.migrate()
    from rapport.warehouse import connect

    with connect(autocommit=True) as connection:
        keys = {}
        for path in sorted((ROOT / "dbt_project/models/marts").glob("*.yml")):
            for model in yaml.safe_load(path.read_text())["models"]:
                meta = model["config"]["meta"]
                columns = ", ".join(f"{c['name']} {c['data_type']}" for c in model["columns"])
                connection.execute(f"create table {meta['publish']}.{model['name']} ({columns})")
                keys[f"{meta['publish']}.{model['name']}"] = (meta, model["columns"])
        connection.execute("set synchronous_commit = off")
        for statement in FILL.split(";\n"):
            if statement.strip():
                connection.execute(statement, {"people": people})
        for table, (meta, columns) in keys.items():
            names = {column["name"] for column in columns}
            wanted = [", ".join(meta["key"]), *meta.get("indexes", ())]
            if "customer_id" in names and meta["key"] != ["customer_id"]:
                wanted.append("customer_id")
            for expression in wanted:
                connection.execute(f"create index on {table} ({expression})")
        connection.execute("vacuum analyze")
        rows = connection.execute("select customer_id from marts.dim_customers limit 20000")
        return [row[0] for row in rows]


_before: dict[str, int] = {}


def count_anew() -> None:
    """Count from here on what is read: to reset Postgres' own counts takes a superuser."""
    _before.clear()
    _before.update(_counted())


def rows_read(questions: int) -> dict[str, int]:
    """Rows that a question read on average, by large table, since `count_anew`.

    By index or without: a whole index that is walked is a whole table that is read. What a
    connection read is told when it has ended.
    """
    read = {table: count - _before.get(table, 0) for table, count in _counted().items()}
    averages = {table: -(-count // questions) for table, count in read.items()}
    return dict(sorted(averages.items(), key=lambda item: (-item[1], item[0])))


def _counted() -> dict[str, int]:
    """Rows read so far of each large table."""
    from rapport.warehouse import connect

    with connect() as connection:
        rows = connection.execute(
            "select tables.schemaname || '.' || tables.relname,"
            " (tables.seq_tup_read + coalesce(sum(indexes.idx_tup_read), 0))::bigint"
            " from pg_stat_user_tables as tables"
            " inner join pg_class as sizes on tables.relid = sizes.oid"
            " left join pg_stat_user_indexes as indexes using (relid)"
            " where sizes.reltuples > %s"
            " group by tables.relid, tables.schemaname, tables.relname, tables.seq_tup_read",
            [LARGE],
        )
        return dict(rows.fetchall())


def ask(
    port: int, people: int, ids: list[str], kinds: list[str], seconds: float, pause: float
) -> dict[str, dict[str, float]]:
    """Ten readers for so long; milliseconds by kind of question."""
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    until = time.monotonic() + seconds
    failures: list[str] = []

    def read(seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            time.sleep(draw.uniform(0, 1.5) * pause)  # people do not all come in the same instant
            while time.monotonic() < until:
                kind = draw.choices(kinds, weights=[KINDS[kind] for kind in kinds])[0]
                started = time.perf_counter()
                if kind == "card":
                    answer = client.get(f"/customers/{draw.choice(ids)}")
                elif kind == "search_email":
                    who = f"p{draw.randint(1, people)}@example.com"
                    answer = client.post("/customers", data={"who": who})
                else:
                    answer = client.post("/customers", data={"who": f"{draw.getrandbits(16):04x}"})
                took[kind].append(1000 * (time.perf_counter() - started))
                if answer.status_code not in (200, 303):
                    failures.append(f"{kind} {answer.status_code}")
                time.sleep(draw.uniform(0.5, 1.5) * pause)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} questions failed: {failures[:3]}")
    return {kind: _figures(sorted(times)) for kind, times in took.items() if times}


def _figures(times: list[float]) -> dict[str, float]:
    return {
        "questions": len(times),
        "p50": round(times[len(times) // 2], 1),
        "p95": round(times[int(len(times) * 0.95)], 1),
    }


def serve() -> None:
    """The pages on a free port, with a reader who may see everything."""
    import uvicorn
    from fastapi import Request

    from rapport.pages.access import Reader
    from rapport.pages.app import application

    async def everybody(request: Request) -> Reader:
        return Reader("bench", sees_people=True, sees_contacts=True)

    app = application(everybody, lambda: b"bench")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)

    def tell() -> None:
        while not server.started:
            time.sleep(0.05)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)

    threading.Thread(target=tell, daemon=True).start()
    server.run()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(*map(int, sys.argv[1:3]), *sys.argv[3:4])
