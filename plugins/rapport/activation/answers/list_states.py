"""The state of each list, and the changes that alerts report: each change once.

This module alone writes the table `activation.list_states`.

>>> changed(connection, definitions, run_id, as_of)  # doctest: +SKIP
[Change(destination='postbox', segment='payment_failed', state='waiting', cause='...')]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from rapport.activation.segments.declarations import Definitions
from rapport.activation.sync.refused_rows import NOTABLE_SHARE

_STATES = """
merge into activation.list_states as target
using (
    select
        run.destination, run.segment,
        case
            when run.status not in ('success', 'partial') or run.plan_state = 'frozen'
                or size.frozen_because is not null
                or pulled.problem is not null then 'failing'
            when request.segment is not null then 'waiting'
            when refused.removals > 0 or refused.again > %(share)s * run.members then 'refusing'
            else 'fine'
        end as state,
        coalesce(size.frozen_because, pulled.problem, request.cause, run.error,
            case when run.status = 'planned' then 'planned, but not pushed' end) as cause
    from activation.sync_runs as run
    left join segments.sizes as size
        on size.segment = run.segment and size.as_of = run.as_of
    left join activation.pulls as pulled
        on pulled.destination = run.destination and pulled.as_of = run.as_of
    left join activation.approvals as request
        on request.destination = run.destination and request.segment = run.segment
        and request.state = 'pending'
    left join lateral (
        select count(*) filter (where rejected.op = 'remove') as removals,
            count(*) filter (where rejected.first_at < run.as_of) as again
        from activation.rejected
        where rejected.destination = run.destination and rejected.segment = run.segment
            and rejected.last_at = run.as_of
    ) as refused on true
    where run.run_id = %(run_id)s
    union all
    select '', problem.segment, case when problem.cause is null then 'fine' else 'failing' end,
        problem.cause
    from unnest(%(broken)s::text[], %(causes)s::text[]) as problem (segment, cause)
) as source
on target.destination = source.destination and target.segment = source.segment
when matched and target.state <> source.state then
    update set state = source.state, cause = source.cause, since = %(as_of)s
when matched then update set cause = source.cause
when not matched then
    insert values (source.destination, source.segment, source.state, source.cause, %(as_of)s)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A list whose state differs from the last alert; `destination` is empty for a file."""

    destination: str
    segment: str
    state: str
    cause: str | None
    told_as: str

    def __str__(self) -> str:
        where = f"{self.destination}/{self.segment}" if self.destination else self.segment
        if self.state == "fine":
            return f"{where}: recovered."
        if self.state == "waiting":
            return f"{where}: waits for approval, {self.cause}. `rapport approve {self.segment}`."
        if self.state == "refusing":
            return f"{where}: rows are refused again, {self.cause}. See `rapport segments`."
        return f"{where}: failing, stays as it was. {self.cause or ''}".strip()


def changed(
    connection: psycopg.Connection, definitions: Definitions, run_id: str, as_of: datetime
) -> list[Change]:
    """Record the state of every list of the run; the changes that no alert reported yet."""
    broken: dict[str, str | None] = dict.fromkeys(
        row[0]
        for row in connection.execute(
            "select segment from activation.list_states where destination = ''"
        )
    )
    broken |= definitions.problems
    connection.execute(
        _STATES,
        {
            "run_id": run_id,
            "as_of": as_of,
            "share": NOTABLE_SHARE,
            "broken": list(broken),
            "causes": list(broken.values()),
        },
    )
    with connection.cursor(row_factory=class_row(Change)) as cursor:
        return cursor.execute(
            "select destination, segment, state, cause, told_as from activation.list_states"
            " where state <> told_as order by state, destination, segment"
        ).fetchall()


def mark_reported(connection: psycopg.Connection, changes: Sequence[Change]) -> None:
    """Record that these changes were reported; a list is reported again once its state changes."""
    for change in changes:
        connection.execute(
            "update activation.list_states set told_as = %s where destination = %s"
            " and segment = %s",
            (change.state, change.destination, change.segment),
        )
