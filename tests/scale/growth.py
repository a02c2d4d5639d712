"""What a run reads, by step and by statement, counted in rows, so that any machine gives the same.

>>> exponent([100, 400], [1_000, 16_000])
2.0
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.conftest import drop_database, point_to

from rapport import activation, comments, identity, predictions
from rapport import warehouse as warehouses
from rapport.landing import ingest
from rapport.paths import project_root, var_dir
from rapport.runs.run import join
from rapport.settings import load_settings
from rapport.transform import build, publish
from rapport.transform.graph import manifest_path
from rapport_sandbox import lifecycle

Step = Callable[[], Any]
DATABASE = "growth"
# Nodes of a plan say by loop what they gave and what they read in vain.
READ_IN_VAIN = ("Rows Removed by Filter", "Rows Removed by Join Filter",
                "Rows Removed by Index Recheck")  # fmt: skip
# These give again what is below them; which of them a plan needs may change with the size.
PASS_ON = {"Sort", "Incremental Sort", "Hash", "Gather", "Gather Merge", "Subquery Scan", "Append"}
# A statement of an older release, which read every conversation for each visit to a help page.
QUADRATIC = "a sub-select for each row"
CORRELATED = """
select help_seekers.customer_id, exists (
    select 1 from build.fct_conversations as conversations
    where conversations.customer_id = help_seekers.customer_id
        and conversations.created_at >= help_seekers.started_at
        and conversations.created_at < help_seekers.started_at + interval '24 hours'
) as has_asked
from build.fct_web_sessions as help_seekers
where customer_id is not null
"""


@dataclass
class Measured:
    """Rows read at each size, by step and statement, and tables left without statistics."""

    sizes: list[int]
    rows: dict[str, list[int]] = field(default_factory=dict)
    without_statistics: set[str] = field(default_factory=set)

    def add(self, name: str, rows: int) -> None:
        self.rows.setdefault(name, []).append(rows)


def exponent(sizes: Sequence[int], rows: Sequence[int]) -> float:
    """The power of the size with which the rows grow, between the smallest and the largest size."""
    return math.log(max(rows[-1], 1) / max(rows[0], 1)) / math.log(sizes[-1] / sizes[0])


def work(plan: dict[str, Any]) -> int:
    """The rows that all nodes of a plan gave and read in vain."""
    own = sum(plan.get(name, 0) for name in READ_IN_VAIN)
    if plan["Node Type"] not in PASS_ON:
        own += plan.get("Actual Rows", 0)
    return round(own * plan.get("Actual Loops", 0)) + sum(map(work, plan.get("Plans", ())))


def explained(
    connection: psycopg.Connection[Any], statement: str, settings: Sequence[str] = ()
) -> int:
    """The work of a statement that reads; it runs once, with the settings of its model."""
    options = "analyze, timing off, buffers off, format json"
    with connection.transaction():
        for setting in settings:
            connection.execute(setting.encode())
        row = connection.execute(f"explain ({options}) {statement}".encode()).fetchone()
    assert row is not None
    return work(row[0][0]["Plan"])


def settings_of_models() -> dict[str, list[str]]:
    """The statements that models run first to choose a plan, by model."""
    nodes = json.loads(manifest_path().read_text(encoding="utf-8"))["nodes"].values()
    hooks = {"{{ no_nested_loops() }}": "set local enable_nestloop = off"}
    return {
        node["name"]: [
            hooks[hook["sql"]]
            for hook in node["config"].get("pre-hook", ())
            if hook["sql"] in hooks
        ]
        for node in nodes
    }


def measure(
    sizes: Sequence[int], folder: Path, postgres: str, template: str, superuser: str
) -> Measured:
    """One run of the default company at each size, without autovacuum."""
    measured = Measured(list(sizes))
    with pytest.MonkeyPatch.context() as patch, without_autovacuum(superuser):
        patch.setenv("RAPPORT_VAR", str(folder / "var"))
        patch.setenv("RAPPORT_CONFIG", str(folder / "rapport.yml"))
        for people in sizes:
            _configure(folder, people)
            with psycopg.connect(postgres, autocommit=True) as admin:
                admin.execute(f"create database {DATABASE} template {template}")  # type: ignore[arg-type]
                point_to(patch, postgres, DATABASE)
                try:
                    _measure_run(admin, measured)
                finally:
                    lifecycle.stop()
                    drop_database(admin, DATABASE)
    return measured


def _configure(folder: Path, people: int) -> None:
    settings = yaml.safe_load((project_root() / "rapport.yml").read_text(encoding="utf-8"))
    settings["sandbox"] = {"people": people, "seed": 7}
    settings["destinations"] = {"files": {"path": str(folder / "exports")}}
    (folder / "rapport.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.rmtree(var_dir() / "sandbox", ignore_errors=True)


def _measure_run(admin: psycopg.Connection[Any], measured: Measured) -> None:
    steps = _steps()
    again = {"build marts again": steps["build marts"]}
    for name, step in steps.items():
        _count(admin, measured, name, step)
    compiled = var_dir() / "dbt" / "target" / "compiled" / "rapport"
    with warehouses.connect(autocommit=True) as connection:
        connection.execute("set timezone to 'UTC'")
        settings = settings_of_models()
        for path in sorted(compiled.rglob("*.sql")):
            statement = path.read_text(encoding="utf-8")
            measured.add(path.stem, explained(connection, statement, settings.get(path.stem, ())))
        measured.add(QUADRATIC, explained(connection, CORRELATED))
        # So that every model is out of date.
        connection.execute("delete from ops.built_models")
    for name, step in again.items():
        _count(admin, measured, name, step)
    with warehouses.connect(autocommit=True) as connection:
        measured.without_statistics |= set(without_statistics(connection))


def _count(admin: psycopg.Connection[Any], measured: Measured, name: str, step: Step) -> None:
    before = _reads(admin)
    step()
    measured.add(name, _reads(admin) - before)


def _steps() -> dict[str, Step]:
    """The steps of a run in their order, up to the push to a destination that makes no calls."""
    settings = load_settings()
    run = join(None, settings)
    as_of, at = run.as_of, {"run_id": run.run_id, "as_of": run.as_of}
    return {
        **{f"land {name}": partial(ingest, name, **at) for name in settings.sources},
        "build staging": partial(build, "staging", as_of=as_of),
        "normalise identifiers": partial(identity.normalise, **at),
        "read comments": partial(comments.read, as_of=as_of),
        "build identity": partial(build, "identity", as_of=as_of),
        "resolve customers": partial(identity.resolve, **at),
        "build marts": partial(build, "marts", as_of=as_of),
        "predict": partial(predictions.predict, as_of=as_of),
        "publish": partial(publish, **at),
        "evaluate segments": partial(activation.evaluate, **at),
        "plan": partial(activation.plan, **at),
        "push files": partial(activation.push, **at, destination="files"),
    }


def _reads(admin: psycopg.Connection[Any]) -> int:
    """The rows that sessions in the database read so far; each reports them when it ends."""
    for _ in range(100):
        row = admin.execute(
            "select tup_returned + tup_fetched, exists (select from pg_stat_activity as session"
            " where session.datname = stat.datname)"
            " from pg_stat_database as stat where datname = %s",
            [DATABASE],
        ).fetchone()
        assert row is not None
        if not row[1]:
            break
        time.sleep(0.05)
    return int(row[0])


def without_statistics(connection: psycopg.Connection[Any]) -> list[str]:
    """Tables whose statistics are missing or of much fewer rows, by `schema.table`."""
    connection.execute("select pg_stat_force_next_flush()")
    rows = connection.execute(
        """
        select schemaname || '.' || tables.relname
        from pg_stat_user_tables as tables
        inner join pg_class as class on class.oid = tables.relid and class.relpersistence <> 't'
        -- Bookkeeping of runs is read by key.
        where n_live_tup > 100 and tables.schemaname <> 'ops' and (
            class.reltuples < 0.5 * n_live_tup
            or not exists (
                select from pg_stats
                where pg_stats.schemaname = tables.schemaname and tablename = tables.relname
            )
        )
        order by 1
        """
    ).fetchall()
    return [name for (name,) in rows]


@contextmanager
def without_autovacuum(superuser: str) -> Iterator[None]:
    """No plan may depend on whether autovacuum has come."""
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute("alter system set autovacuum = off")
        admin.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("alter system reset autovacuum")
            admin.execute("select pg_reload_conf()")


def table(measured: Measured) -> str:
    """What was measured, the fastest growing first."""
    lines = [" ".join(["exponent", *(f"{people:>12,}" for people in measured.sizes), " what"])]
    by_growth = sorted(
        ((exponent(measured.sizes, rows), name, rows) for name, rows in measured.rows.items()),
        reverse=True,
    )
    for power, name, rows in by_growth:
        lines.append(" ".join([f"{power:8.2f}", *(f"{count:>12,}" for count in rows), f" {name}"]))
    return "\n".join(lines)
