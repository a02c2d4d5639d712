"""The plan of one list: what the verdict lets through of the difference, written down.

>>> hold_back(connection, difference, verdict)  # doctest: +SKIP
>>> write(connection, target, difference, verdict).state  # doctest: +SKIP
'open'
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from rapport.activation import sync_runs
from rapport.activation.lists import List
from rapport.activation.planning import not_sent, plan_rows
from rapport.activation.planning.consent import COMPELLED
from rapport.activation.planning.difference import Difference
from rapport.activation.planning.list_guards import Verdict


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What will be sent for one list. `state` is open, waiting, frozen, refused or orphaned."""

    destination: str
    segment: str
    state: str
    cause: str | None = None
    members: int = 0
    add: int = 0
    update: int = 0
    remove: int = 0
    unchanged: int = 0
    not_sent: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def hold_back(connection: psycopg.Connection, difference: Difference, verdict: Verdict) -> None:
    """Take out what the verdict does not allow; removals for want of consent always stay."""
    if verdict.state == "open":
        return
    statements = [
        "update {table} set op = null, reason = coalesce(reason, {reason}) where op = 'add'",
        "update {table} set op = null where op = 'update'",
    ]
    if verdict.state != "frozen":
        statements.append(
            "update {table} set op = null where op = 'remove' and reason <> all({compelled})"
        )
    for statement in statements:
        connection.execute(
            sql.SQL(statement).format(
                table=difference.table, reason=verdict.reason, compelled=list(COMPELLED)
            )
        )


def write(
    connection: psycopg.Connection, target: List, difference: Difference, verdict: Verdict
) -> ListPlan:
    """Write what will be sent, and why each member who is not sent is not."""
    plan_rows.replace(connection, target, difference.table)
    not_sent.replace(connection, target, difference.table)
    counts: dict[str, int] = dict.fromkeys(("add", "update", "remove"), 0)
    counts.update(
        connection.execute(
            sql.SQL("select op, count(*) from {} where op is not null group by op").format(
                difference.table
            )
        ).fetchall()
    )
    reasons: dict[str, int] = dict(
        connection.execute(
            sql.SQL(
                "select reason, count(*) from {} where is_member and reason is not null"
                " group by reason order by reason"
            ).format(difference.table)
        ).fetchall()
    )
    unchanged = difference.members - sum(reasons.values()) - counts["add"] - counts["update"]
    plan = ListPlan(
        target.destination, target.segment.key, verdict.state, verdict.cause, difference.members,
        unchanged=unchanged, not_sent=reasons, **counts,
    )  # fmt: skip
    note(connection, target, plan, difference.held)
    return plan


def note(connection: psycopg.Connection, target: List, plan: ListPlan, held: int) -> None:
    """Record the plan as a run of the list; `held` is how many people the ledger has."""
    counts = {
        "members": plan.members, "add": plan.add, "update": plan.update, "remove": plan.remove
    }  # fmt: skip
    sync_runs.note_plan(connection, target, plan.state, plan.cause, counts, held)
