"""The plan: wanted against ledger, list by list, written to `activation.plan` and `not_sent`.

Members are always sent plus not sent, and each of those who are not has one reason.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from rapport.activation import guards
from rapport.activation.decide import Decision, decide
from rapport.activation.options import ActivationOptions
from rapport.activation.segments import Definitions, Segment
from rapport.errors import GateFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What will be pushed to one list. `state` is open, waiting, frozen, refused or retired."""

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


def plan_lists(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: list[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
) -> list[ListPlan]:
    """Plan every list of the enabled destinations; one that is refused stops no other."""
    guards.refuse_empty_sources(connection)
    _forget_claims(connection)
    follow_merges(connection)
    segments = definitions.segments
    plans: list[ListPlan] = []
    for segment in segments.values():
        suppressors = [
            other.key
            for other in segments.values()
            if segment.purpose in other.suppresses and other.key != segment.key
        ]
        for destination in segment.destinations:
            if destination in destinations:
                plans.append(
                    plan_list(connection, segment, destination, options, suppressors, run_id, as_of)
                )
        _claim(connection, segment, [s.key for s in segments.values()])
    if not definitions.problems:
        plans += _retire(connection, definitions, destinations, options, run_id, as_of)
    return plans


def plan_list(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    options: ActivationOptions,
    suppressors: list[str],
    run_id: str,
    as_of: datetime,
) -> ListPlan:
    """Plan one list in one transaction."""
    try:
        with connection.transaction():
            guards.refuse_lost_ledger(connection, destination, segment.key)
            decision = decide(connection, segment, destination, options, suppressors, as_of)
            frozen = _frozen_because(connection, segment.key, as_of)
            verdict = guards.judge(
                connection, segment, destination, decision, options, run_id, as_of, frozen
            )
            _apply(connection, verdict.state)
            plan = _write(connection, segment, destination, decision, verdict, run_id, as_of)
    except GateFailed as error:
        log.error("%s/%s refused: %s", destination, segment.key, error)
        plan = ListPlan(destination, segment.key, "refused", str(error))
        with connection.transaction():
            connection.execute(
                "delete from activation.plan where destination = %s and segment = %s",
                (destination, segment.key),
            )
            _note(connection, segment.model, plan, run_id, as_of)
    log.info(
        "%s/%s %s: %d members, +%d ~%d -%d",
        destination, segment.key, plan.state, plan.members, plan.add, plan.update, plan.remove,
    )  # fmt: skip
    return plan


def follow_merges(connection: psycopg.Connection) -> None:
    """Give the ledger's rows the ids that their customers have now.

    Where the survivor is on the list already under the same contact of the tool, the old row goes
    without a call; under another contact it stays, and the plan takes it off.
    """
    with connection.transaction():
        connection.execute(
            """
            update activation.ledger as old set customer_id = renamed.customer_id
            from (
                select distinct on (ledger.destination, ledger.segment, alias.customer_id)
                    ledger.destination, ledger.segment, ledger.customer_id as old_id,
                    alias.customer_id
                from activation.ledger
                join identity.aliases as alias on alias.alias_id = ledger.customer_id
                where alias.customer_id <> ledger.customer_id
                    and not exists (
                        select from activation.ledger as survivor
                        where survivor.destination = ledger.destination
                            and survivor.segment = ledger.segment
                            and survivor.customer_id = alias.customer_id
                    )
                order by ledger.destination, ledger.segment, alias.customer_id, ledger.customer_id
            ) as renamed
            where old.destination = renamed.destination and old.segment = renamed.segment
                and old.customer_id = renamed.old_id
            """
        )
        connection.execute(
            """
            delete from activation.ledger as old
            using identity.aliases as alias, activation.ledger as survivor
            where alias.alias_id = old.customer_id and alias.customer_id <> old.customer_id
                and survivor.destination = old.destination and survivor.segment = old.segment
                and survivor.customer_id = alias.customer_id
                and survivor.remote_id = old.remote_id
            """
        )


def _apply(connection: psycopg.Connection, state: str) -> None:
    """Hold back what the verdict does not let through; who withdrew is always taken off."""
    if state == "open":
        return
    reason = "stale_source" if state == "frozen" else "waiting_for_approval"
    connection.execute(
        "update decided set op = null, reason = coalesce(reason, %s)"
        " where op = 'add' and not is_held",
        (reason,),
    )
    connection.execute("update decided set op = null where op = 'update'")
    if state == "waiting":
        connection.execute(
            "update decided set op = null where op = 'remove'"
            " and reason not in ('no_consent', 'suppressed')"
        )


def _write(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    decision: Decision,
    verdict: guards.Verdict,
    run_id: str,
    as_of: datetime,
) -> ListPlan:
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
    _note(connection, segment.model, plan, run_id, as_of)
    return plan


def _note(
    connection: psycopg.Connection, model: str, plan: ListPlan, run_id: str, as_of: datetime
) -> None:
    sync_id = f"{plan.destination}/{plan.segment}"
    connection.execute(
        """
        insert into activation.sync_runs
            (sync_id, sync_run_id, run_id, destination, segment, model_name, status, error, as_of,
             members, num_planned_add, num_planned_change, num_planned_remove)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (run_id, destination, segment) do update set
            status = excluded.status, error = excluded.error, members = excluded.members,
            num_planned_add = activation.sync_runs.num_successful_add + excluded.num_planned_add,
            num_planned_change =
                activation.sync_runs.num_successful_change + excluded.num_planned_change,
            num_planned_remove =
                activation.sync_runs.num_successful_remove + excluded.num_planned_remove
        """,
        (
            sync_id, f"{run_id}/{sync_id}", run_id, plan.destination, plan.segment, model,
            "refused" if plan.state == "refused" else "planned", plan.cause, as_of, plan.members,
            plan.add, plan.update, plan.remove,
        ),
    )  # fmt: skip


def _frozen_because(connection: psycopg.Connection, segment: str, as_of: datetime) -> str | None:
    row = connection.execute(
        "select frozen_because from segments.sizes where segment = %s and as_of = %s",
        (segment, as_of),
    ).fetchone()
    return row[0] if row else "it was not evaluated tonight"


def _forget_claims(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute(
            "create temp table if not exists claims"
            ' (channel text, customer_id text collate "C", primary key (channel, customer_id))'
        )
        connection.execute("truncate claims")


def _claim(connection: psycopg.Connection, segment: Segment, order: list[str]) -> None:
    """Note whom this campaign takes, as far as segments of lower priority have them too."""
    later = order[order.index(segment.key) + 1 :]
    if not segment.is_campaign or not later:
        return
    with connection.transaction():
        connection.execute(
            """
            insert into claims
            select distinct %(channel)s, member.customer_id
            from segments.membership as member
            join segments.membership as other
                on other.customer_id = member.customer_id and other.left_at is null
                and other.segment = any(%(later)s)
            where member.segment = %(segment)s and member.left_at is null
                and exists (
                    select from unnest(%(destinations)s::text[]) as target (destination)
                    where not exists (
                        select from activation.not_sent
                        where not_sent.destination = target.destination
                            and not_sent.segment = %(segment)s
                            and not_sent.customer_id = member.customer_id
                    )
                )
            on conflict do nothing
            """,
            {
                "channel": segment.channel,
                "segment": segment.key,
                "later": later,
                "destinations": list(segment.destinations),
            },
        )


def _retire(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: list[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
) -> list[ListPlan]:
    """Lists whose segment has no file any more: emptied, once a person has said yes."""
    rows = connection.execute(
        "select distinct destination, segment from activation.ledger"
        " where not segment = any(%s) and destination = any(%s) order by 1, 2",
        (list(definitions.segments), destinations),
    ).fetchall()
    plans = []
    for destination, key in rows:
        retired = Segment.retired(key)
        with connection.transaction():
            connection.execute(
                "update segments.membership set left_at = %s where segment = %s"
                " and left_at is null",
                (as_of, key),
            )
            connection.execute(
                "insert into segments.sizes values (%s, %s, %s, 0, 0, 0, null)"
                " on conflict (segment, as_of) do nothing",
                (key, as_of, run_id),
            )
        plans.append(plan_list(connection, retired, destination, options, [], run_id, as_of))
    return plans
