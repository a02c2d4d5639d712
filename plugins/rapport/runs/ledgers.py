"""What a run recorded in the warehouse, read in one place; each ledger is read on first use.

>>> Ledgers(connection, "20260331T030000Z-01").run["status"]  # doctest: +SKIP
'succeeded'
"""

from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.errors import ConfigError
from rapport.runs.stages import Kind
from rapport.warehouse.tables import is_there

Warehouse = psycopg.Connection[Any]
Row = dict[str, Any]
USUAL_LOADS = 28


class Ledgers:
    """The ledgers of one run. Only `people` and `metrics` read more than the run itself wrote."""

    def __init__(self, connection: Warehouse, run_id: str) -> None:
        self.connection = connection
        self.run_id = run_id

    @cached_property
    def run(self) -> Row:
        """Times and status; raises `ConfigError` if there is no such run."""
        found = self._rows(RUN)
        if not found:
            raise ConfigError(
                f'no run has the id "{self.run_id}". `rapport status` shows the newest run.'
            )
        return found[0]

    @cached_property
    def stages(self) -> list[Row]:
        """The last attempt at each stage, in the order of these attempts."""
        return self._rows(STAGES)

    def result(self, kind: Kind, subject: str | None = None) -> dict[str, Any]:
        """The counts that a stage stored; empty if it did not run."""
        return self.results(kind).get(subject, {})

    def results(self, kind: Kind) -> dict[str | None, dict[str, Any]]:
        """The counts of every stage of a kind, by subject."""
        return {
            stage["subject"]: stage["result"] or {}
            for stage in self.stages
            if stage["kind"] == kind
        }

    @property
    def customers(self) -> dict[str, int]:
        """Customers after the run, and how many are new, merged or split."""
        counts = self.result("resolve")
        return {name: counts.get(name, 0) for name in ("total", "new", "merged", "split")}

    @cached_property
    def sources(self) -> list[Row]:
        """How fresh each source is, as of the published run; empty before the first one."""
        return self._rows(SOURCES) if is_there(self.connection, "marts.data_status") else []

    @cached_property
    def streams(self) -> list[Row]:
        """Counts of each stream, beside what is usual for it."""
        return self._rows(STREAMS)

    @cached_property
    def rejections(self) -> list[Row]:
        """Why records were rejected or repaired, and which cells were odd, by reason."""
        return self._rows(REJECTIONS)

    @cached_property
    def gates(self) -> list[Row]:
        """Expectations of each gate and source: how many passed, which ones failed."""
        return self._rows(GATES)

    @cached_property
    def sizes(self) -> list[Row]:
        """Members of each segment, and how many entered and left."""
        return self._rows(SIZES)

    @cached_property
    def lists(self) -> list[Row]:
        """The changes of each list: planned, accepted and refused by the destination."""
        return self._rows(LISTS)

    @cached_property
    def waiting(self) -> list[Row]:
        """The changes of lists that need approval."""
        return self._rows(WAITING)

    @cached_property
    def people(self) -> list[Row]:
        """Members of each segment by the reason why no destination holds them; null if one does."""
        return self._rows(PEOPLE)

    @cached_property
    def metrics(self) -> list[Row]:
        """The published metrics; empty if the run published nothing."""
        return self._rows(METRICS) if self.run["is_published"] else []

    def _rows(self, query: str) -> list[Row]:
        values = {"run_id": self.run_id, "usual": USUAL_LOADS}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()


def newest(connection: Warehouse) -> str | None:
    """The id of the newest run."""
    rows = newest_runs(connection, limit=1)
    return str(rows[0]["run_id"]) if rows else None


def newest_runs(connection: Warehouse, limit: int = 30) -> list[Row]:
    """The newest runs, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(RUNS, {"limit": limit}).fetchall()


RUNS = """
select run_id, as_of, status, started_at, finished_at
from ops.nights
order by started_at desc, run_id desc
limit %(limit)s
"""

RUN = """
select
    run_id, as_of, status, started_at, finished_at,
    exists (
        select from ops.publications where publications.run_id = nights.run_id
    ) as is_published
from ops.nights
where run_id = %(run_id)s
"""

STAGES = """
select name, kind, subject, seconds, status, error, result
from (
    select distinct on (kind, subject, name)
        stage_id, name, kind, subject, seconds, status, error, result
    from ops.stages
    where run_id = %(run_id)s
    order by kind, subject, name, stage_id desc
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
with this_run as (
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
    this_run.*,
    (
        select case when count(*) >= 7 then percentile_cont(0.5) within group (order by landed) end
        from (
            select landed from raw.loads
            where
                loads.source = this_run.source and loads.stream = this_run.stream
                and loads.load_id < this_run.load_id and loads.landed > 0
            order by load_id desc
            limit %(usual)s
        ) as before
    ) as usual,
    (
        select sum(landed)::numeric / nullif(sum(at_vendor), 0)
        from raw.completeness
        where
            completeness.source = this_run.source and completeness.stream = this_run.stream
            and completeness.day > (
                select max(day) - 7 from raw.completeness as newest
                where newest.source = this_run.source and newest.stream = this_run.stream
            )
    ) as completeness
from this_run
order by this_run.source, this_run.stream
"""

REJECTIONS = r"""
with found as (
    select
        rejected.source, rejected.stream, rejected.outcome, count(*) as records,
        regexp_replace(rejected.reason, '^(.*) line \d+: ', '') as reason,
        min(substring(rejected.reason from '^.* line \d+(?=: )')) as example
    from raw.loads
    inner join raw.rejected_records as rejected using (load_id)
    where loads.run_id = %(run_id)s
    group by 1, 2, 3, 5
    union all
    select
        loads.source, loads.stream, 'odd' as outcome, sum(oddities.records)::bigint as records,
        'column ' || oddities.column_name || ': ' || oddities.reason as reason, null as example
    from raw.loads
    inner join raw.oddities using (load_id)
    where loads.run_id = %(run_id)s
    group by 1, 2, 3, 5
)
select * from found order by outcome desc, records desc, source, stream, reason limit 50
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

PEOPLE = """
with members as (
    select segment, customer_id from segments.membership where left_at is null
),

reasons as (
    select
        members.segment,
        members.customer_id,
        exists (
            select from activation.ledger
            where ledger.segment = members.segment
                and ledger.customer_id = members.customer_id
                and ledger.state = 'sent'
        ) as is_sent,
        (
            select min(not_sent.reason) from activation.not_sent
            where not_sent.segment = members.segment
                and not_sent.customer_id = members.customer_id
        ) as reason
    from members
)

select segment, case when is_sent then null else coalesce(reason, 'not_pushed') end as why,
    count(*) as people
from reasons
group by segment, why
order by segment, why
"""

METRICS = "select metric, value from marts.mart_metrics_latest order by metric"
