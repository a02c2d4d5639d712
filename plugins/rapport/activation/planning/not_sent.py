"""Why members of a segment are not on a list: the table `activation.not_sent`, written here only.

Every member is either sent, or not sent for one stated reason. `since` is the first run with the
current reason.

>>> replace(connection, target, difference.table)  # doctest: +SKIP
"""

import psycopg
from psycopg import sql

from rapport.activation.lists import List

_REPLACE = """
merge into activation.not_sent as target
using (
    select coalesce(now.customer_id, before.customer_id) as customer_id, now.reason
    from (select customer_id, reason from {difference} where is_member and reason is not null)
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
"""
_REJECTED = """
insert into activation.not_sent
select %(destination)s, %(segment)s, customer_id, 'rejected', %(as_of)s, %(run_id)s
from {answers} where error is not null and op = 'add'
on conflict (destination, segment, customer_id) do nothing
"""
# Part of the statement that takes a batch (rapport.activation.sync.batches). It reads the CTE
# `judged` (customer_id, refusal).
EXPLAIN = """
    insert into activation.not_sent
    select {destination}, {segment}, customer_id, refusal, {as_of}, {run_id}
    from judged where refusal is not null
    on conflict (destination, segment, customer_id)
    do update set reason = excluded.reason, since = excluded.since, run_id = excluded.run_id
"""


def replace(connection: psycopg.Connection, target: List, difference: sql.Identifier) -> None:
    """Bring the reasons of a list to those in the table of the difference."""
    connection.execute(sql.SQL(_REPLACE).format(difference=difference), target.names)


def note_rejected(connection: psycopg.Connection, target: List, answers: sql.Identifier) -> None:
    """Give the reason `rejected` to members whom the destination refused to add."""
    connection.execute(sql.SQL(_REJECTED).format(answers=answers), target.names)
