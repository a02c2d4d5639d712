"""The plan of one list, from what was decided to the rows of `activation.plan` and `not_sent`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from rapport.activation.planning.consent import COMPELLED
from rapport.activation.planning.difference import Decision
from rapport.activation.planning.known_lists import Listed
from rapport.activation.planning.list_guards import Verdict

# Their status says that the run did not bring the list to what it should be.
LEFT_AS_IT_IS = ("refused", "orphaned")


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What will be pushed to one list. `state` is open, waiting, frozen, refused or orphaned."""

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


def hold_back(connection: psycopg.Connection, verdict: Verdict) -> None:
    """Hold back what the verdict does not let through; who withdrew is always taken off."""
    if verdict.state == "open":
        return
    connection.execute(
        "update decided set op = null, reason = coalesce(reason, %s) where op = 'add'",
        (verdict.reason,),
    )
    connection.execute("update decided set op = null where op = 'update'")
    if verdict.state != "frozen":
        connection.execute(
            "update decided set op = null where op = 'remove' and reason <> all(%s)",
            (list(COMPELLED),),
        )


def write(
    connection: psycopg.Connection,
    listed: Listed,
    decision: Decision,
    verdict: Verdict,
    run_id: str,
    as_of: datetime,
) -> ListPlan:
    """Write the plan of the list, and why each member who is not sent is not."""
    segment, destination = listed.segment, listed.destination
    names = {
        "destination": destination,
        "segment": segment.key,
        "run_id": run_id,
        "as_of": as_of,
    }
    connection.execute(
        "delete from activation.plan where destination = %(destination)s and segment = %(segment)s",
        names,
    )
    connection.execute(
        """
        insert into activation.plan
            (destination, segment, customer_id, op, reason, traits, content_hash, run_id, as_of)
        select %(destination)s, %(segment)s, customer_id, op, reason,
            case when op <> 'remove' then traits end, content_hash, %(run_id)s, %(as_of)s
        from decided where op is not null
        """,
        names,
    )
    connection.execute(
        """
        merge into activation.not_sent as target
        using (
            select coalesce(now.customer_id, before.customer_id) as customer_id, now.reason
            from (select customer_id, reason from decided where is_member and reason is not null)
                as now
            full join (
                select customer_id from activation.not_sent
                where destination = %(destination)s and segment = %(segment)s
            ) as before on before.customer_id = now.customer_id
        ) as source
        on target.destination = %(destination)s and target.segment = %(segment)s
            and target.customer_id = source.customer_id
        when matched and source.reason is null then delete
        when matched and source.reason <> target.reason then
            update set reason = source.reason, since = %(as_of)s, run_id = %(run_id)s
        when not matched then
            insert values (%(destination)s, %(segment)s, source.customer_id, source.reason,
                %(as_of)s, %(run_id)s)
        """,
        names,
    )
    counts: dict[str, int] = dict.fromkeys(("add", "update", "remove"), 0)
    counts.update(
        connection.execute(
            "select op, count(*) from decided where op is not null group by op"
        ).fetchall()
    )
    not_sent: dict[str, int] = dict(
        connection.execute(
            "select reason, count(*) from decided where is_member and reason is not null"
            " group by reason order by reason"
        ).fetchall()
    )
    unchanged = decision.members - sum(not_sent.values()) - counts["add"] - counts["update"]
    plan = ListPlan(
        destination, segment.key, verdict.state, verdict.cause, decision.members,
        unchanged=unchanged, not_sent=not_sent, **counts,
    )  # fmt: skip
    note(connection, segment.model, plan, run_id, as_of, decision.held)
    return plan


def note(
    connection: psycopg.Connection,
    model: str,
    plan: ListPlan,
    run_id: str,
    as_of: datetime,
    held: int | None = None,
) -> None:
    """A row for the run; `held` is how many the ledger has, where that is to be believed."""
    sync_id = f"{plan.destination}/{plan.segment}"
    status = plan.state if plan.state in LEFT_AS_IT_IS else "planned"
    connection.execute(
        """
        insert into activation.sync_runs
            (sync_id, sync_run_id, run_id, destination, segment, model_name, status, error, as_of,
             members, num_planned_add, num_planned_change, num_planned_remove, held, plan_state)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, 0), %s)
        on conflict (run_id, destination, segment) do update set
            status = excluded.status, error = excluded.error, members = excluded.members,
            held = excluded.held, plan_state = excluded.plan_state,
            num_failed_add = 0, num_failed_change = 0, num_failed_remove = 0,
            num_planned_add = activation.sync_runs.num_succeeded_add + excluded.num_planned_add,
            num_planned_change =
                activation.sync_runs.num_succeeded_change + excluded.num_planned_change,
            num_planned_remove =
                activation.sync_runs.num_succeeded_remove + excluded.num_planned_remove
        """,
        (
            sync_id, f"{run_id}/{sync_id}", run_id, plan.destination, plan.segment, model,
            status, plan.cause, as_of, plan.members, plan.add, plan.update, plan.remove, held,
            plan.state,
        ),
    )  # fmt: skip
