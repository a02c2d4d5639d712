"""What is still to be sent for each list: the table `activation.plan`, written here only.

A row is one customer and one operation. It is `open` until a batch takes it, `taken` until the
destination answers, and then deleted.

>>> replace(connection, target, difference.table)  # doctest: +SKIP
"""

import psycopg
from psycopg import sql

from rapport.activation.lists import List

_REPLACE = """
insert into activation.plan
    (destination, segment, customer_id, op, reason, traits, content_hash, run_id, as_of)
select %(destination)s, %(segment)s, customer_id, op, reason,
    case when op <> 'remove' then traits end, content_hash, %(run_id)s, %(as_of)s
from {difference} where op is not null
"""

# Parts of the statements that take a batch (rapport.activation.sync.batches). They read the CTE
# `judged` (destination, segment, customer_id, content_hash, refusal), or `picked` (destination,
# segment, customer_id) for removals.
TAKE = """
    update activation.plan set state = 'taken', content_hash = judged.content_hash
    from judged
    where (plan.destination, plan.segment, plan.customer_id)
        = (judged.destination, judged.segment, judged.customer_id) and judged.refusal is null
"""
TAKE_REMOVALS = """
    update activation.plan set state = 'taken' from picked
    where (plan.destination, plan.segment, plan.customer_id)
        = (picked.destination, picked.segment, picked.customer_id)
"""
TURN_INTO_REMOVALS = """
    update activation.plan set op = 'remove', reason = judged.refusal, traits = null
    from judged
    where (plan.destination, plan.segment, plan.customer_id)
        = (judged.destination, judged.segment, judged.customer_id) and judged.refusal <> all({held})
        and exists (
            select from activation.ledger
            where (ledger.destination, ledger.segment, ledger.customer_id)
                = (judged.destination, judged.segment, judged.customer_id)
        )
"""
DROP_REFUSED = """
    delete from activation.plan using judged
    where (plan.destination, plan.segment, plan.customer_id)
        = (judged.destination, judged.segment, judged.customer_id) and judged.refusal is not null
        and (judged.refusal = any({held}) or not exists (
            select from activation.ledger
            where (ledger.destination, ledger.segment, ledger.customer_id)
                = (judged.destination, judged.segment, judged.customer_id)
        ))
"""


def replace(connection: psycopg.Connection, target: List, difference: sql.Identifier) -> None:
    """Plan the operations of the table of the difference, instead of what was planned before."""
    clear(connection, target)
    connection.execute(sql.SQL(_REPLACE).format(difference=difference), target.names)


def clear(connection: psycopg.Connection, target: List) -> None:
    """Plan nothing for a list."""
    connection.execute(
        "delete from activation.plan where destination = %(destination)s and segment = %(segment)s",
        target.names,
    )


def reopen(connection: psycopg.Connection, target: List) -> None:
    """Open the rows that a killed push had taken; the ledger still knows what it intended."""
    with connection.transaction():
        connection.execute(
            "update activation.plan set state = 'open'"
            " where destination = %(destination)s and segment = %(segment)s and state = 'taken'",
            target.names,
        )


def finish(connection: psycopg.Connection, answers: sql.Identifier) -> None:
    """Delete the rows that the destination answered."""
    connection.execute(
        sql.SQL(
            "delete from activation.plan using {answers} as answers"
            " where (plan.destination, plan.segment, plan.customer_id)"
            " = (answers.destination, answers.segment, answers.customer_id)"
        ).format(answers=answers)
    )
