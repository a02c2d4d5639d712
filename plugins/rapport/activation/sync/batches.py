"""Taking a batch from the plan: who is sent next, with consent and cap checked once more.

The people of a batch bring destination and segment with them wherever a table is joined to them.
With both as constants, Postgres's planner may read a whole list for each batch: a list that grows
in this push has no statistics.

One statement takes a batch, in its own transaction, and writes the intent into the ledger before
anything is sent. After a kill, the same people are sent again under the same batch id, and at most
one batch is sent twice.

>>> take(connection, target, audience, size=100, leavers=False)  # doctest: +SKIP
Taken(batch=Batch(id='5f1c...', ...), ops={'c_1': 'add'}, refused=0, last='c_1')
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.activation import ledger
from rapport.activation.lists import List
from rapport.activation.planning import message_caps, not_sent, plan_rows, sent_traits
from rapport.activation.planning.consent import HELD, permission, refusal
from rapport.activation.planning.difference import content_hash
from rapport.activation.sync.people import person
from rapport.vendors.destination import Audience, Batch

# The people of a batch are neighbours in every index by customer_id, so that looking them up reads
# few pages. By default, Postgres's planner would rather read a million rows than look up 5,000.
LOOK_UP = "set local random_page_cost = 1"

_TAKE = """
with picked as materialized (
    select destination, segment, customer_id, op, traits, reason from activation.plan
    where destination = {destination} and segment = {segment} and state = 'open'
        and op in ('add', 'update') and customer_id > {after}
    order by customer_id
    limit {size}
    for update
),
judged as materialized (
    select
        person.destination, person.segment, person.customer_id, person.op, person.traits,
        contact.email, contact.phone, contact.full_name, contact.user_id,
        {content_hash} as content_hash,
        coalesce({refusal}, {cap}) as refusal
    from picked as person
    {permission}
),
former as (
    select judged.customer_id, jsonb_object_agg(trait.name, null) as traits
    from judged
    inner join activation.ledger using (destination, segment, customer_id)
    cross join lateral ({former}) as trait (name)
    group by judged.customer_id
),
batch as (
    select md5(concat_ws('|', {destination}, {segment}, {as_of}, string_agg(
        customer_id || op || content_hash::text, '|' order by customer_id))) as id
    from judged where refusal is null
),
intended as ({intend_to_send}),
taken as ({take}),
turned_into_removals as ({turn_into_removals}),
dropped as ({drop_refused}),
explained as ({explain})
select judged.*, former.traits as former_traits, intended.remote_id, batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = judged.customer_id and alias.alias_id <> alias.customer_id),
        '{{}}') as aliases
from judged cross join batch left join intended using (customer_id)
left join former using (customer_id)
order by judged.customer_id
"""

_TAKE_LEAVERS = """
with picked as materialized (
    select destination, segment, customer_id from activation.plan
    where destination = {destination} and segment = {segment} and state = 'open'
        and op = 'remove' and customer_id > {after}
    order by customer_id
    limit {size}
    for update
),
batch as (
    select md5(concat_ws('|', {destination}, {segment}, {as_of}, 'remove',
        string_agg(customer_id, '|' order by customer_id))) as id
    from picked
),
intended as ({intend_to_remove}),
cleared as (
    select picked.customer_id, jsonb_object_agg(trait.name, null) as traits
    from picked
    inner join activation.ledger using (destination, segment, customer_id)
    cross join lateral ({given}) as trait (name)
    group by picked.customer_id
),
taken as ({take_removals})
select picked.customer_id, 'remove' as op, cleared.traits, null as former_traits, contact.email,
    contact.phone, contact.full_name, contact.user_id, null as refusal, intended.remote_id,
    batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = picked.customer_id and alias.alias_id <> alias.customer_id),
        '{{}}') as aliases
from picked cross join batch
left join intended using (customer_id)
left join cleared using (customer_id)
left join marts_pii.dim_customer_contacts as contact using (customer_id)
order by picked.customer_id
"""


# What the owners of the tables write in these statements.
_WRITES = {
    "intend_to_send": ledger.INTEND_TO_SEND,
    "intend_to_remove": ledger.INTEND_TO_REMOVE,
    "take": plan_rows.TAKE,
    "take_removals": plan_rows.TAKE_REMOVALS,
    "turn_into_removals": plan_rows.TURN_INTO_REMOVALS,
    "drop_refused": plan_rows.DROP_REFUSED,
    "explain": not_sent.EXPLAIN,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch with the operation of each person; `refused` people may not be sent any more.

    `last` is the last customer who was looked at, sent or refused.
    """

    batch: Batch
    ops: Mapping[str, str]
    refused: int
    last: str


def take(
    connection: psycopg.Connection,
    target: List,
    audience: Audience,
    size: int,
    leavers: bool,
    after: str = "",
) -> Taken | None:
    """The next batch of people to add and change, or to take off; None where there is none.

    `after` is the last customer of the batch before, so that what was taken is not read again.
    """
    if leavers:
        statement = _leavers(target, size, after)
    else:
        statement = _entries(connection, target, size, after)
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(LOOK_UP)
        rows = cursor.execute(statement).fetchall()
    if not rows:
        return None
    kept = [row for row in rows if row["refusal"] is None]
    people = [person(row, target.segment.channel) for row in kept]
    batch_id = rows[0]["batch_id"] or ""
    batch = Batch(batch_id, audience, people, target.run_id, target.as_of)
    ops = {row["customer_id"]: row["op"] for row in kept}
    return Taken(batch, ops, len(rows) - len(kept), rows[-1]["customer_id"])


def _entries(connection: psycopg.Connection, target: List, size: int, after: str) -> sql.Composed:
    return sql.SQL(_TAKE).format(
        **_names(target, size, after),
        cap=_cap(connection, target),
        former=sent_traits.former(connection, target),
        content_hash=content_hash(target.segment, sql.SQL("person.traits")),
        permission=permission(target, few=True),
        refusal=refusal(target),
    )


def _leavers(target: List, size: int, after: str) -> sql.Composed:
    return sql.SQL(_TAKE_LEAVERS).format(**_names(target, size, after), given=sent_traits.given())


def _names(target: List, size: int, after: str) -> dict[str, Any]:
    names = {"held": list(HELD), "size": size, "after": after, **target.names}
    return names | {name: sql.SQL(text).format(**names) for name, text in _WRITES.items()}


def _cap(connection: psycopg.Connection, target: List) -> sql.Composable:
    """The reason of somebody over the cap, as an expression; null where there is no cap."""
    if not message_caps.is_capped(target):
        return sql.SQL("null")
    return sql.SQL(
        "case when person.op = any({ops}) and person.customer_id in ({capped})"
        " then 'frequency_cap' end"
    ).format(
        ops=message_caps.operations(target.destination),
        capped=message_caps.capped(connection, target, "picked"),
    )
