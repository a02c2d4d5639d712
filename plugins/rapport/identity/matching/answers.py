"""What people answered on the review page; the next run obeys it, unless a seed says otherwise.

>>> store(connection, "crm:contacts:1", "desk:users:2", "same", by="otto")  # doctest: +SKIP
True
"""

from datetime import datetime
from typing import Any, NamedTuple

import psycopg

Warehouse = psycopg.Connection[Any]
WORDS = ("same", "different", "later")
OBEYED = {"same": "must_link", "different": "cannot_link"}


class Answer(NamedTuple):
    """An answer about two profiles; `applied` is what the newest resolution made of the pair.

    That is `must_link`, `cannot_link`, or None if it knew of no decision.
    """

    profile_a: str
    profile_b: str
    answer: str
    reviewed_by: str
    reviewed_at: datetime
    applied: str | None

    @property
    def is_used(self) -> bool:
        """Whether a run has obeyed the answer."""
        return self.applied is not None and self.applied == OBEYED.get(self.answer)


def of(warehouse: Warehouse, a: str, b: str) -> Answer | None:
    """The answer about a pair; `a` is the smaller id."""
    row = warehouse.execute(
        f"{ANSWERS} where (reviewed.profile_a, reviewed.profile_b) = (%s, %s)", [a, b]
    ).fetchone()
    return Answer(*row) if row else None


def latest(warehouse: Warehouse, most: int) -> list[Answer]:
    """The newest answers."""
    rows = warehouse.execute(
        f"{ANSWERS} order by reviewed.reviewed_at desc, reviewed.profile_a limit %s", [most]
    ).fetchall()
    return [Answer(*row) for row in rows]


def store(warehouse: Warehouse, a: str, b: str, answer: str, *, by: str) -> bool:
    """Keep an answer; False, and nothing is written, if somebody decided the pair before.

    A pair that was postponed can be answered.
    """
    return warehouse.execute(STORE, [a, b, answer, by]).rowcount == 1


def take_back(warehouse: Warehouse, answer: Answer) -> bool:
    """Delete an answer that no run has obeyed; False if it has changed since it was read."""
    if answer.is_used:
        return False
    return warehouse.execute(TAKE_BACK, answer[:5]).rowcount == 1


ANSWERS = """
select
    reviewed.profile_a, reviewed.profile_b, reviewed.answer, reviewed.reviewed_by,
    reviewed.reviewed_at,
    (
        select min(overrides.kind)
        from identity.overrides
        where
            overrides.profile_a = reviewed.profile_a
            and overrides.profile_b = reviewed.profile_b
            and overrides.kind in ('must_link', 'cannot_link')
    ) as applied
from identity.reviewed_pairs as reviewed
"""

STORE = """
insert into identity.reviewed_pairs (profile_a, profile_b, answer, reviewed_by)
values (%s, %s, %s, %s)
on conflict (profile_a, profile_b) do update
set answer = excluded.answer, reviewed_by = excluded.reviewed_by, reviewed_at = now()
where reviewed_pairs.answer = 'later'
"""

TAKE_BACK = """
delete from identity.reviewed_pairs
where (profile_a, profile_b, answer, reviewed_by, reviewed_at) = (%s, %s, %s, %s, %s)
"""
