"""What a night did, for people: how it ended, how fresh each source is, what landed, what waits.

Read from the ledgers of the night, whose size does not depend on how many customers there are.

>>> read_night(connection, "20260331T030000Z-01").health  # doctest: +SKIP
'succeeded'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.errors import ConfigError

Warehouse = psycopg.Connection[Any]
Row = dict[str, Any]
USUAL_NIGHTS = 28


@dataclass(frozen=True, slots=True)
class NightPage:
    """A night as its pages show it; lists are in the order in which they are shown."""

    run_id: str
    as_of: datetime
    status: str
    started_at: datetime
    finished_at: datetime | None
    is_published: bool
    stages: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)
    streams: list[Row] = field(default_factory=list)
    rejections: list[Row] = field(default_factory=list)
    gates: list[Row] = field(default_factory=list)
    customers: Mapping[str, int] = field(default_factory=dict)
    lists: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)

    @property
    def problems(self) -> list[Row]:
        """The stages that failed, with what they said."""
        return [stage for stage in self.stages if stage["status"] == "failed"]

    @property
    def stale(self) -> list[str]:
        """The sources that are stale as of the published night."""
        return [source["source"] for source in self.sources if source["is_stale"]]

    @property
    def health(self) -> str:
        """`good`, `attention` (published, but somebody should look), `bad` or `running`."""
        if self.status == "running":
            return "running"
        if self.status in ("failed", "abandoned"):
            return "bad"
        is_held = any(entry["state"] not in ("open", "retired") for entry in self.lists)
        is_refused = any(entry["rejected"] for entry in self.lists)
        looks = self.status == "partial" or self.stale or self.waiting or is_held or is_refused
        return "attention" if looks else "good"

    @property
    def seconds(self) -> float:
        """The work of all stages, without the waiting between them."""
        return sum(stage["seconds"] or 0.0 for stage in self.stages)


def newest(connection: Warehouse) -> str | None:
    """The run id of the newest night."""
    row = connection.execute(
        "select run_id from ops.nights order by started_at desc, run_id desc limit 1"
    ).fetchone()
    return str(row[0]) if row else None


def nights(connection: Warehouse, limit: int = 30) -> list[Row]:
    """The newest nights, newest first."""
    return _rows(connection, NIGHTS, {"limit": limit})


def read_night(connection: Warehouse, run_id: str) -> NightPage:
    """The night of that run; raises `ConfigError` for one that never was."""
    found = _rows(connection, NIGHT, {"run_id": run_id})
    if not found:
        raise ConfigError(f'no night has the run id "{run_id}". `rapport status` shows the newest.')
    values = {"run_id": run_id, "usual": USUAL_NIGHTS}
    stages = _rows(connection, STAGES, values)
    results = {stage["name"]: stage.pop("result") or {} for stage in stages}
    return NightPage(
        **found[0],
        stages=stages,
        sources=_rows(connection, SOURCES, values)
        if is_there(connection, "marts.data_status")
        else [],
        streams=[
            {**row, "is_unusual": is_unusual(row)} for row in _rows(connection, STREAMS, values)
        ],
        rejections=_rows(connection, REJECTIONS, values),
        gates=_rows(connection, GATES, values),
        customers={
            name: results.get("resolve customers", {}).get(name, 0)
            for name in ("total", "new", "merged", "split")
        },
        lists=_lists(_rows(connection, LISTS, values), results),
        segments=_rows(connection, SIZES, values),
        waiting=_rows(connection, WAITING, values),
    )


def is_unusual(stream: Row) -> bool:
    """Whether a stream landed less than a fifth or more than five times of what is usual."""
    usual, landed = stream["usual"], stream["landed"]
    return usual is not None and usual >= 20 and not usual / 5 <= landed <= usual * 5


def _lists(runs: list[Row], results: Mapping[str, Any]) -> list[Row]:
    """Each list's plan, and what its tool answered."""
    plans = {
        (plan["destination"], plan["segment"]): plan
        for plan in results.get("plan", {}).get("lists", [])
    }
    lists = []
    for run in runs:
        plan = plans.get((run["destination"], run["segment"]), {})
        pushed = results.get(f"push {run['destination']}", {}).get(run["segment"], {})
        lists.append(
            {
                **run,
                "state": plan.get("state", "refused" if run["status"] == "refused" else "open"),
                "not_sent": pushed.get("not_sent", plan.get("not_sent", {})),
            }
        )
    return lists


def _rows(connection: Warehouse, query: str, values: Mapping[str, Any]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def is_there(connection: Warehouse, table: str) -> bool:
    """Whether the table was made already: dbt makes some in the first night."""
    row = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return bool(row and row[0])


NIGHTS = """
select run_id, as_of, status, started_at, finished_at
from ops.nights
order by started_at desc, run_id desc
limit %(limit)s
"""

NIGHT = """
select
    run_id, as_of, status, started_at, finished_at,
    exists (
        select from ops.publications where publications.run_id = nights.run_id
    ) as is_published
from ops.nights
where run_id = %(run_id)s
"""

STAGES = """
select name, seconds, status, error, result
from (
    select distinct on (name) stage_id, name, seconds, status, error, result
    from ops.stages
    where run_id = %(run_id)s
    order by name, stage_id desc
) as last_attempts
order by stage_id
"""

SOURCES = """
select source, streams, last_good_as_of, is_stale, stale_streams, gate_state, as_of
from marts.data_status
order by is_stale desc, source
"""

# What is usual is the median of the loads before that landed anything, from seven on.
STREAMS = """
with tonight as (
    select
        source, stream, sum(read)::bigint as read, sum(landed)::bigint as landed,
        sum(unchanged)::bigint as unchanged, sum(rejected)::bigint as rejected,
        sum(deleted)::bigint as deleted, max(warning) as warning, min(load_id) as load_id,
        bool_and(finished_at is not null) as is_whole
    from raw.loads
    where run_id = %(run_id)s
    group by source, stream
)

select
    tonight.*,
    (
        select case when count(*) >= 7 then percentile_cont(0.5) within group (order by landed) end
        from (
            select landed from raw.loads
            where
                loads.source = tonight.source and loads.stream = tonight.stream
                and loads.load_id < tonight.load_id and loads.landed > 0
            order by load_id desc
            limit %(usual)s
        ) as before
    ) as usual,
    (
        select sum(landed)::numeric / nullif(sum(at_vendor), 0)
        from raw.completeness
        where
            completeness.source = tonight.source and completeness.stream = tonight.stream
            and completeness.day > (
                select max(day) - 7 from raw.completeness as newest
                where newest.source = tonight.source and newest.stream = tonight.stream
            )
    ) as completeness
from tonight
order by tonight.source, tonight.stream
"""

REJECTIONS = """
select rejected.source, rejected.stream, rejected.outcome, rejected.reason, count(*) as records
from raw.loads
inner join raw.rejected_records as rejected using (load_id)
where loads.run_id = %(run_id)s
group by rejected.source, rejected.stream, rejected.outcome, rejected.reason
order by records desc, rejected.source, rejected.stream, rejected.reason
limit 20
"""

GATES = """
select
    gate, source, count(*) filter (where success) as passed,
    count(*) filter (where not success) as failed,
    coalesce(
        array_agg(
            guard || ': ' || expectation || coalesce(' on ' || column_name, '')
            order by severity, guard, expectation
        ) filter (where not success),
        '{}'
    ) as failures
from quality.results
where run_id = %(run_id)s
group by gate, source
order by failed desc, gate, source
"""

SIZES = """
select segment, members, entered, left_tonight, frozen_because
from segments.sizes
where run_id = %(run_id)s
order by segment
"""

WAITING = """
select segment, destination, cause, adds, removes, members, requested_at
from activation.approvals
where state = 'pending'
order by requested_at, segment, destination
"""

LISTS = """
select
    segment, destination, status, error, members, held,
    num_planned_add + num_planned_change + num_planned_remove as planned,
    num_succeeded_add as added, num_succeeded_change as updated,
    num_succeeded_remove as removed,
    num_failed_add + num_failed_change + num_failed_remove as rejected
from activation.sync_runs
where run_id = %(run_id)s
order by segment, destination
"""
