"""What a tool refused, and when somebody has to look.

A refused row is tried again each night, and many a list has a few that never pass: an address that
is none, a name that is missing. So every refusal counts where the list is shown, and its push ends
as `partial`; but somebody has to look only where

- a removal was refused: whoever should be off the list is still on it, or
- more than `NOTABLE_SHARE` of the list's members were refused.

Where that is so of rows that were not refused before, or of a removal, the night is `partial`.
Where it is so of rows that are refused again, people are told (`alerts`), once, until it is over.

>>> Refusals(add=0, update=3, remove=0, again=1, members=100).is_new
True
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

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


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many rows of a list were refused in a night, by what was asked; `again`: before too."""

    add: int
    update: int
    remove: int
    again: int
    members: int
    segment: str = ""
    reason: str = ""

    @property
    def rows(self) -> int:
        """All of them."""
        return self.add + self.update + self.remove

    @property
    def is_new(self) -> bool:
        """Whether somebody has to look at what was not refused in an earlier night."""
        return self.remove > 0 or self.rows - self.again > NOTABLE_SHARE * self.members

    def __str__(self) -> str:
        kinds = {"add": self.add, "update": self.update, "removal": self.remove}
        said = [f"{n:,} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items() if n]
        return f"refused by the tool: {', '.join(said)}; most often: {self.reason}"


def of_list(
    connection: psycopg.Connection, run_id: str, destination: str, segment: str
) -> Refusals | None:
    """What was refused of one list; None where the tool took everything."""
    lists = of_destination(connection, run_id, destination)
    return next((found for found in lists if found.segment == segment), None)


def of_destination(connection: psycopg.Connection, run_id: str, destination: str) -> list[Refusals]:
    """What was refused of each list of a destination; lists that it took whole are left out."""
    with connection.cursor(row_factory=class_row(Refusals)) as cursor:
        return cursor.execute(_OF_LISTS, {"run_id": run_id, "destination": destination}).fetchall()


def to_look_at(lists: list[Refusals], destination: str) -> Iterator[str]:
    """A sentence for each list whose refusals are new and more than a few."""
    for found in lists:
        if found.is_new:
            yield (
                f"{destination}/{found.segment}: {found}. Tried again each night; "
                f"`rapport why <customer id> {found.segment}` says why for one person."
            )
