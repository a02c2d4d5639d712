"""The ledger: who is on each list, by the answers of the destinations.

This module alone writes the table `activation.ledger`. A row has one of three states:

- `sent`: the destination accepted the customer,
- `sending` or `removing`: a call was intended and its answer is not known yet.

>>> people_on(connection, "postbox", "payment_failed")  # doctest: +SKIP
12
"""

import psycopg
from psycopg import sql

from rapport.activation.lists import List
from rapport.activation.segments.merged_customers import follow_merges

# Parts of the statements that take a batch (rapport.activation.sync.batches). Both read the CTE
# `batch` (id); the first reads `judged` (destination, segment, customer_id, refusal), the second
# `picked` (destination, segment, customer_id).
INTEND_TO_SEND = """
    insert into activation.ledger (destination, segment, customer_id, state, batch_id)
    select {destination}, {segment}, judged.customer_id, 'sending', batch.id
    from judged cross join batch
    where refusal is null
    on conflict (destination, segment, customer_id) do update set
        state = 'sending', batch_id = excluded.batch_id,
        is_uncertain = ledger.is_uncertain or ledger.state = 'sending'
    returning customer_id, remote_id
"""
INTEND_TO_REMOVE = """
    update activation.ledger set state = 'removing', batch_id = batch.id
    from picked cross join batch
    where (ledger.destination, ledger.segment, ledger.customer_id)
        = (picked.destination, picked.segment, picked.customer_id)
    returning ledger.customer_id, ledger.remote_id
"""

_ACCEPT = """
update activation.ledger set state = 'sent', content_hash = plan.content_hash,
    is_uncertain = false,
    remote_id = coalesce(answers.remote_id, ledger.remote_id),
    first_sent_at = coalesce(ledger.first_sent_at, %(as_of)s), last_sent_at = %(as_of)s
from {answers} as answers join activation.plan using (destination, segment, customer_id)
where answers.error is null and answers.op <> 'remove'
    and (ledger.destination, ledger.segment, ledger.customer_id)
    = (answers.destination, answers.segment, answers.customer_id)
"""
_TAKE_OFF = """
delete from activation.ledger using {answers} as answers
where (ledger.destination, ledger.segment, ledger.customer_id)
    = (answers.destination, answers.segment, answers.customer_id)
    and ((answers.op = 'remove' and answers.error is null)
        or (answers.op = 'add' and answers.error is not null
            and not ledger.is_uncertain))
"""
_KEEP = """
update activation.ledger set state = 'sent' from {answers} as answers
where (ledger.destination, ledger.segment, ledger.customer_id)
    = (answers.destination, answers.segment, answers.customer_id)
    and answers.op = 'update' and answers.error is not null
"""
_SEND_AGAIN = """
update activation.ledger set state = 'sending', content_hash = null, is_uncertain = true
from {missing} as missing
where destination = %(destination)s and segment = %(segment)s
    and ledger.customer_id = missing.customer_id
"""
_LEARN = """
insert into activation.ledger (destination, segment, customer_id, state,
    content_hash, remote_id, first_sent_at, last_sent_at)
select %(destination)s, %(segment)s, customer_id, 'sent', md5('')::uuid, remote_id,
    %(as_of)s, %(as_of)s
from {listed}
on conflict do nothing
"""
_DROP_MERGED = """
with dropped as (
    delete from activation.ledger as old
    using identity.aliases as alias, activation.ledger as survivor
    where alias.alias_id = old.customer_id and alias.customer_id <> old.customer_id
        and survivor.destination = old.destination and survivor.segment = old.segment
        and survivor.customer_id = alias.customer_id
        and survivor.remote_id = old.remote_id
    returning old.destination, old.segment
)
select destination, segment, count(*) from dropped group by destination, segment
"""


def settle(connection: psycopg.Connection, target: List, answers: sql.Identifier) -> None:
    """Bring the ledger to what the destination holds after it answered a batch.

    `answers` is the table that `rapport.activation.sync.record` makes. A refused customer whom an
    earlier, unanswered call may have put on the list stays in the ledger as `sending`: they are
    tried again, and taken off when they leave the segment.
    """
    for statement in (_ACCEPT, _TAKE_OFF, _KEEP):
        connection.execute(sql.SQL(statement).format(answers=answers), target.names)


def send_again(
    connection: psycopg.Connection, names: dict[str, object], missing: sql.Identifier
) -> None:
    """Mark the customers of the table `missing` (customer_id), so that the plan sends them again.

    `names` are destination and segment.
    """
    connection.execute(sql.SQL(_SEND_AGAIN).format(missing=missing), names)


def learn(connection: psycopg.Connection, names: dict[str, object], listed: sql.Identifier) -> int:
    """Add customers who are on the list at the destination and not in the ledger; how many.

    `listed` is a table with customer_id and remote_id, `names` are destination, segment and as_of.
    The plan then keeps them on the list or takes them off.
    """
    return connection.execute(sql.SQL(_LEARN).format(listed=listed), names).rowcount


def rename_merged(connection: psycopg.Connection) -> list[tuple[str, str, int]]:
    """Give the rows of merged customers the surviving id; destination, segment, rows dropped.

    A row is dropped, without a call, where the survivor is on the list under the same contact of
    the destination. Under another contact the row stays, and the plan takes that contact off.
    """
    list_key = ("destination", "segment")
    follow_merges(
        connection, sql.Identifier("activation", "ledger"), key=list_key, one_per=list_key
    )
    return connection.execute(_DROP_MERGED).fetchall()


def people_on(connection: psycopg.Connection, destination: str, segment: str) -> int:
    """How many customers the ledger has on a list, in any state."""
    row = connection.execute(
        "select count(*) from activation.ledger where destination = %s and segment = %s",
        (destination, segment),
    ).fetchone()
    assert row is not None
    return int(row[0])
