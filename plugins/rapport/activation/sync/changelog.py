"""Every row that was sent, accepted or not: the table `activation.sync_changelog`, written here.

>>> add(connection, target, answers)  # doctest: +SKIP
"""

import psycopg
from psycopg import sql

from rapport.activation.lists import List

_ADD = """
insert into activation.sync_changelog
    (sync_id, sync_run_id, op_type, row_id, status, failure_reason, fields, split_group, at)
select %(sync_id)s, %(run)s,
    case answers.op when 'add' then 'added' when 'update' then 'changed'
        else 'removed' end,
    answers.customer_id,
    case when error is null then 'succeeded' else 'failed' end, error,
    plan.traits, stay.variant, %(as_of)s
from {answers} as answers
inner join activation.plan using (destination, segment, customer_id)
left join segments.membership as stay on stay.customer_id = answers.customer_id
    and stay.segment = answers.segment and stay.left_at is null
"""


def add(connection: psycopg.Connection, target: List, answers: sql.Identifier) -> None:
    """Add a row per answer; `answers` is the table of `record`."""
    connection.execute(
        sql.SQL(_ADD).format(answers=answers),
        {"sync_id": target.sync_id, "run": f"{target.run_id}/{target.sync_id}", **target.names},
    )
