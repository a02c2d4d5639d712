"""What a night did, read back from the warehouse: one document for people and programs.

>>> summary = summarise(night)  # doctest: +SKIP
>>> write(summary)  # doctest: +SKIP
PosixPath('var/runs/20260331T030000Z-01/summary.json')
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict

from rapport import warehouse
from rapport.paths import var_dir
from rapport.runs.run import Night


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StageSummary(_Part):
    """One stage: seconds of its last attempt, and the error where it failed."""

    name: str
    seconds: float
    status: str
    error: str | None = None


class StreamSummary(_Part):
    """Records of one stream: read = landed + unchanged + rejected."""

    read: int
    landed: int
    unchanged: int = 0
    rejected: int
    deleted: int = 0
    warning: str | None = None


class CustomerSummary(_Part):
    """Customers after tonight, and what tonight did to them."""

    total: int = 0
    new: int = 0
    merged: int = 0
    split: int = 0


class GateSummary(_Part):
    """Expectations of one gate."""

    passed: int = 0
    failed: int = 0


class SegmentSummary(_Part):
    """One segment: members = sent (a tool or file holds them) + not sent, by reason.

    `refused` are the rows that tools did not take tonight: somebody may be on a list with old
    traits, or still be on one that they left.
    """

    members: int = 0
    added: int = 0
    removed: int = 0
    sent: int = 0
    refused: int = 0
    not_sent: dict[str, int] = {}


class Summary(_Part):
    """The schema of `var/runs/<run_id>/summary.json`."""

    run_id: str
    as_of: datetime
    status: str
    stages: list[StageSummary]
    sources: dict[str, dict[str, StreamSummary]]
    customers: CustomerSummary
    metrics: dict[str, float | None]
    gates: dict[str, GateSummary]
    segments: dict[str, SegmentSummary]


def path_of(run_id: str) -> Path:
    """Where the summary of a night is."""
    return var_dir() / "runs" / run_id / "summary.json"


def summarise(night: Night) -> Summary:
    """Read the night's ledgers; raises nothing for a night that did not get far."""
    with warehouse.connect(row_factory=dict_row) as connection:
        status = _one(connection, "select status from ops.nights where run_id = %s", night)
        stages = connection.execute(
            """
            select distinct on (name) stage_id, name, seconds, status, error, result
            from ops.stages
            where run_id = %s
            order by name, stage_id desc
            """,
            (night.run_id,),
        ).fetchall()
        stages.sort(key=lambda stage: stage["stage_id"])
        results = {stage["name"]: stage["result"] or {} for stage in stages}
        return Summary(
            run_id=night.run_id,
            as_of=night.as_of,
            status=status["status"] if status else "unknown",
            stages=[
                StageSummary(
                    name=stage["name"],
                    seconds=round(stage["seconds"] or 0.0, 3),
                    status=stage["status"],
                    error=stage["error"],
                )
                for stage in stages
            ],
            sources=_sources(connection, night),
            customers=CustomerSummary(
                **{
                    key: results.get("resolve customers", {}).get(key, 0)
                    for key in ("total", "new", "merged", "split")
                }
            ),
            metrics=_metrics(connection, night),
            gates=_gates(connection, night),
            segments=_segments(connection, night, results),
        )


def _one(connection: Any, statement: str, night: Night) -> Any:
    return connection.execute(statement, (night.run_id,)).fetchone()


def _sources(connection: Any, night: Night) -> dict[str, dict[str, StreamSummary]]:
    rows = connection.execute(
        """
        select source, stream, sum(read)::bigint as read, sum(landed)::bigint as landed,
            sum(unchanged)::bigint as unchanged, sum(rejected)::bigint as rejected,
            sum(deleted)::bigint as deleted, max(warning) as warning
        from raw.loads
        where run_id = %s
        group by source, stream
        order by source, stream
        """,
        (night.run_id,),
    )
    sources: dict[str, dict[str, StreamSummary]] = {}
    for row in rows:
        source, stream = row.pop("source"), row.pop("stream")
        sources.setdefault(source, {})[stream] = StreamSummary(**row)
    return sources


def _metrics(connection: Any, night: Night) -> dict[str, float | None]:
    published = _one(connection, "select run_id from ops.publications where run_id = %s", night)
    if published is None:
        return {}
    rows = connection.execute("select metric, value from marts.mart_metrics_latest order by metric")
    return {row["metric"]: None if row["value"] is None else float(row["value"]) for row in rows}


def _gates(connection: Any, night: Night) -> dict[str, GateSummary]:
    rows = connection.execute(
        """
        select gate, count(*) filter (where success) as passed,
            count(*) filter (where not success) as failed
        from quality.results
        where run_id = %s
        group by gate
        """,
        (night.run_id,),
    )
    return {row["gate"]: GateSummary(passed=row["passed"], failed=row["failed"]) for row in rows}


def _segments(connection: Any, night: Night, results: dict[str, Any]) -> dict[str, SegmentSummary]:
    """People, not messages: sent are those whom at least one tool or file holds.

    Added and removed are the most that one list changed tonight; refused is the sum of all lists.
    """
    rows = connection.execute(
        """
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
    )
    segments: dict[str, SegmentSummary] = {}
    for row in rows:
        segment = segments.setdefault(row["segment"], SegmentSummary())
        segment.members += row["people"]
        if row["why"] is None:
            segment.sent += row["people"]
        else:
            segment.not_sent[row["why"]] = row["people"]
    for name, result in results.items():
        if not name.startswith("push "):
            continue
        for key, counts in result.items():
            segment = segments.setdefault(key, SegmentSummary())
            segment.added = max(segment.added, counts.get("added", 0))
            segment.removed = max(segment.removed, counts.get("removed", 0))
    for row in connection.execute(REFUSED, (night.run_id,)):
        segments.setdefault(row["segment"], SegmentSummary()).refused = row["refused"]
    return segments


REFUSED = """
select segment, sum(num_failed_add + num_failed_change + num_failed_remove)::bigint as refused
from activation.sync_runs
where run_id = %s
group by segment
"""


def write(summary: Summary) -> Path:
    """Write the summary, at once or not at all."""
    path = path_of(summary.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return path


def status_of(stages: list[StageSummary]) -> str:
    """`succeeded` if all did, `partial` if the night was published all the same, or `failed`."""
    if all(stage.status == "succeeded" for stage in stages):
        return "succeeded"
    published = any(stage.name == "publish" and stage.status == "succeeded" for stage in stages)
    return "partial" if published else "failed"
