"""A run as the pages and the report show it: how it ended, what landed, what needs attention.

Its size does not depend on how many customers there are.

>>> read_run(connection, "20260331T030000Z-01").health  # doctest: +SKIP
'good'
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from rapport.runs.ledgers import Ledgers, Row


@dataclass(frozen=True, slots=True)
class Overview:
    """A run as its pages show it; lists are in the order in which they are shown."""

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
    customers: dict[str, int] = field(default_factory=dict)
    lists: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)

    @property
    def problems(self) -> list[Row]:
        """The stages that failed, with their errors."""
        return [stage for stage in self.stages if stage["status"] == "failed"]

    @property
    def stale(self) -> list[str]:
        """The sources that are stale as of the published run."""
        return [source["source"] for source in self.sources if source["is_stale"]]

    @property
    def health(self) -> str:
        """`good`, `attention` (published, but something needs a look), `bad` or `running`."""
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
        """Seconds of work of all stages, without the time between them."""
        return sum(stage["seconds"] or 0.0 for stage in self.stages)


def read_run(connection: psycopg.Connection[Any], run_id: str) -> Overview:
    """The overview of a run; raises `ConfigError` if there is no such run."""
    ledgers = Ledgers(connection, run_id)
    return Overview(
        **ledgers.run,
        stages=ledgers.stages,
        sources=ledgers.sources,
        streams=[{**row, "is_unusual": is_unusual(row)} for row in ledgers.streams],
        rejections=ledgers.rejections,
        gates=ledgers.gates,
        customers=ledgers.customers,
        lists=_lists(ledgers),
        segments=ledgers.sizes,
        waiting=ledgers.waiting,
    )


def is_unusual(stream: Row) -> bool:
    """Whether less than a fifth of the usual number landed, or more than five times as many."""
    usual, landed = stream["usual"], stream["landed"]
    return usual is not None and usual >= 20 and not usual / 5 <= landed <= usual * 5


def _lists(ledgers: Ledgers) -> list[Row]:
    """Each list with the state that the plan gave it, and who is not on it and why."""
    plans = {
        (plan["destination"], plan["segment"]): plan
        for plan in ledgers.result("plan").get("lists", [])
    }
    lists = []
    for row in ledgers.lists:
        plan = plans.get((row["destination"], row["segment"]), {})
        pushed = ledgers.result("push", row["destination"]).get(row["segment"], {})
        lists.append(
            {
                **row,
                "state": plan.get("state", "refused" if row["status"] == "refused" else "open"),
                "not_sent": pushed.get("not_sent", plan.get("not_sent", {})),
            }
        )
    return lists
