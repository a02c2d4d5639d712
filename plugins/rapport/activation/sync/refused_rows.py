"""Rows that a destination refused, and when somebody has to look at them.

A refused row is tried again in each run, and many lists have a few rows that are never accepted: an
invalid address, a missing name. Every refusal is counted where the list is shown, and its push ends
as `partial`. Somebody has to look only where

- a removal was refused: a customer who should be off the list is still on it, or
- more than `NOTABLE_SHARE` of the list's members were refused.

For removals, and for rows that were not refused before, the run is `partial`. For rows that are
refused again, an alert is sent once (`alerts`), until the list recovers.

This module alone writes the table `activation.rejected`.

>>> Refusals(add=0, update=3, remove=0, again=1, members=100).is_new
True
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from rapport.activation.lists import List

NOTABLE_SHARE = 0.01

_OF_LISTS = """
select
    run.segment,
    count(*) filter (where refused.op = 'add')::int as add,
    count(*) filter (where refused.op = 'update')::int as update,
    count(*) filter (where refused.op = 'remove')::int as remove,
    count(*) filter (where refused.first_at < refused.last_at)::int as again,
    run.members::int as members,
    mode() within group (order by refused.reason) as reason
from activation.sync_runs as run
inner join activation.rejected as refused
    on refused.destination = run.destination and refused.segment = run.segment
    and refused.last_at = run.as_of
where run.run_id = %(run_id)s and run.destination = %(destination)s
group by run.segment, run.members
order by run.segment
"""
_NOTE = """
insert into activation.rejected
select %(destination)s, %(segment)s, customer_id, op, error, %(as_of)s, %(as_of)s, 1
from {answers} where error is not null
on conflict (destination, segment, customer_id) do update set
    op = excluded.op, reason = excluded.reason, last_at = excluded.last_at,
    tries = activation.rejected.tries + 1
"""
_CLEAR = """
delete from activation.rejected using {answers} as answers where answers.error is null
    and (rejected.destination, rejected.segment, rejected.customer_id)
    = (answers.destination, answers.segment, answers.customer_id)
"""


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many rows of a list a run's push had refused, by operation.

    `again` of them were refused in an earlier run as well.
    """

    add: int
    update: int
    remove: int
    again: int
    members: int
    segment: str = ""
    reason: str = ""

    @property
    def rows(self) -> int:
        """All refused rows."""
        return self.add + self.update + self.remove

    @property
    def is_new(self) -> bool:
        """Whether somebody has to look at rows that were not refused in an earlier run."""
        return self.remove > 0 or self.rows - self.again > NOTABLE_SHARE * self.members

    def __str__(self) -> str:
        kinds = {"add": self.add, "update": self.update, "removal": self.remove}
        parts = [f"{n:,} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items() if n]
        return f"refused by the destination: {', '.join(parts)}; most often: {self.reason}"


def note(connection: psycopg.Connection, target: List, answers: sql.Identifier) -> None:
    """Record the refused rows; `answers` is the table of `record`."""
    connection.execute(sql.SQL(_NOTE).format(answers=answers), target.names)


def clear(connection: psycopg.Connection, answers: sql.Identifier) -> None:
    """Delete the rows that the destination now accepted."""
    connection.execute(sql.SQL(_CLEAR).format(answers=answers))


def of_list(
    connection: psycopg.Connection, run_id: str, destination: str, segment: str
) -> Refusals | None:
    """What was refused of one list; None where every row was accepted."""
    lists = of_destination(connection, run_id, destination)
    return next((found for found in lists if found.segment == segment), None)


def of_destination(connection: psycopg.Connection, run_id: str, destination: str) -> list[Refusals]:
    """What was refused of each list of a destination; lists without a refusal are left out."""
    with connection.cursor(row_factory=class_row(Refusals)) as cursor:
        return cursor.execute(_OF_LISTS, {"run_id": run_id, "destination": destination}).fetchall()


def to_look_at(lists: list[Refusals], destination: str) -> Iterator[str]:
    """A sentence for each list whose refusals are new and notable."""
    for found in lists:
        if found.is_new:
            yield (
                f"{destination}/{found.segment}: {found}. They are tried again in each run; "
                f"`rapport why <customer id> {found.segment}` says why for one person."
            )
