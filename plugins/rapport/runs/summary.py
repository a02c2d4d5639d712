"""The summary of a run, `summary.json`: one document for people and programs.

>>> summary = summarise(run)  # doctest: +SKIP
>>> write(summary)  # doctest: +SKIP
PosixPath('var/runs/20260331T030000Z-01/summary.json')
"""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rapport import warehouse
from rapport.paths import draft_of, var_dir
from rapport.runs.ledgers import Ledgers
from rapport.runs.run import Run
from rapport.runs.stages import name_of


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


class ReasonSummary(_Part):
    """Why records of a stream were rejected or repaired, or a cell of them was odd.

    `example` is a file and line. No reason holds a value of the data.
    """

    source: str
    stream: str
    outcome: str
    reason: str
    records: int
    example: str | None = None


class CustomerSummary(_Part):
    """Customers after the run, and how many are new, merged or split."""

    total: int = 0
    new: int = 0
    merged: int = 0
    split: int = 0


class GateSummary(_Part):
    """Expectations of one gate."""

    passed: int = 0
    failed: int = 0


class SegmentSummary(_Part):
    """One segment: members = sent (at least one destination holds them) + not sent, by reason.

    `refused` counts the rows that destinations refused in this run: these people may be on a list
    with old traits, or still be on a list that they should have left.
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
    reasons: list[ReasonSummary] = Field(default_factory=list)
    customers: CustomerSummary
    metrics: dict[str, float | None]
    gates: dict[str, GateSummary]
    segments: dict[str, SegmentSummary]


def path_of(run_id: str) -> Path:
    """The path of the summary of a run."""
    return var_dir() / "runs" / run_id / "summary.json"


def summarise(run: Run) -> Summary:
    """Read the ledgers of a run; a run that did not get far has a summary too."""
    with warehouse.connect() as connection:
        ledgers = Ledgers(connection, run.run_id)
        return Summary(
            run_id=run.run_id,
            as_of=run.as_of,
            status=ledgers.run["status"],
            stages=[
                StageSummary(
                    name=stage["name"],
                    seconds=round(stage["seconds"] or 0.0, 3),
                    status=stage["status"],
                    error=stage["error"],
                )
                for stage in ledgers.stages
            ],
            sources=_sources(ledgers),
            reasons=[ReasonSummary(**row) for row in ledgers.rejections],
            customers=CustomerSummary(**ledgers.customers),
            metrics={
                row["metric"]: None if row["value"] is None else float(row["value"])
                for row in ledgers.metrics
            },
            gates=_gates(ledgers),
            segments=_segments(ledgers),
        )


def _sources(ledgers: Ledgers) -> dict[str, dict[str, StreamSummary]]:
    counts = StreamSummary.model_fields
    sources: dict[str, dict[str, StreamSummary]] = {}
    for row in ledgers.streams:
        sources.setdefault(row["source"], {})[row["stream"]] = StreamSummary(
            **{name: row[name] for name in counts}
        )
    return sources


def _gates(ledgers: Ledgers) -> dict[str, GateSummary]:
    gates: dict[str, GateSummary] = {}
    for row in ledgers.gates:
        gate = gates.setdefault(row["gate"], GateSummary())
        gate.passed += row["passed"]
        gate.failed += row["failed"]
    return gates


def _segments(ledgers: Ledgers) -> dict[str, SegmentSummary]:
    """People, not messages: `sent` are those whom at least one destination holds.

    `added` and `removed` are the most that one list changed; `refused` is the sum of all lists.
    """
    segments: dict[str, SegmentSummary] = {}
    for row in ledgers.people:
        segment = segments.setdefault(row["segment"], SegmentSummary())
        segment.members += row["people"]
        if row["why"] is None:
            segment.sent += row["people"]
        else:
            segment.not_sent[row["why"]] = row["people"]
    for pushed in ledgers.results("push").values():
        for key, counts in pushed.items():
            segment = segments.setdefault(key, SegmentSummary())
            segment.added = max(segment.added, counts.get("added", 0))
            segment.removed = max(segment.removed, counts.get("removed", 0))
    for row in ledgers.lists:
        segments.setdefault(row["segment"], SegmentSummary()).refused += row["rejected"]
    return segments


def write(summary: Summary) -> Path:
    """Write the summary; readers see the old file or the whole new one."""
    path = path_of(summary.run_id)
    with draft_of(path) as draft:
        draft.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def status_of(stages: list[StageSummary]) -> str:
    """`succeeded` if every stage did, `partial` if the run published all the same, or `failed`."""
    if all(stage.status == "succeeded" for stage in stages):
        return "succeeded"
    publish = name_of("publish")
    published = any(stage.name == publish and stage.status == "succeeded" for stage in stages)
    return "partial" if published else "failed"
