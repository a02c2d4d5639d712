"""Taking a batch: whom the tool gets next, with their consent checked again in the statement.

Taking writes the intent into the ledger in its own transaction before anything is sent, so that
after a kill the same people are sent again under the same batch id, and never more than one batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.activation.lists import List
from rapport.activation.planning import message_caps, sent_traits
from rapport.activation.planning.consent import HELD, permission, refusal
from rapport.activation.planning.difference import content_hash
from rapport.vendors.destination import Batch, Person

_TAKE = """
with picked as materialized (
    select customer_id, op, traits, reason from activation.plan
    where destination = {destination} and segment = {segment} and state = 'open'
        and op in ('add', 'update')
    order by customer_id
    limit {size}
    for update
),
judged as materialized (
    select
        person.customer_id, person.op, person.traits,
        contact.email, contact.phone, contact.full_name, contact.user_id,
        {content_hash} as content_hash,
        coalesce({refusal}, {cap}) as refusal
    from picked as person
    {permission}
),
former as (
    select judged.customer_id, jsonb_object_agg(trait.name, null) as traits
    from judged
    inner join activation.ledger
        on ledger.destination = {destination} and ledger.segment = {segment}
        and ledger.customer_id = judged.customer_id
    cross join lateral ({former}) as trait (name)
    group by judged.customer_id
),
batch as (
    select md5(concat_ws('|', {destination}, {segment}, {as_of}, string_agg(
        customer_id || op || content_hash::text, '|' order by customer_id))) as id
    from judged where refusal is null
),
intended as (
    insert into activation.ledger (destination, segment, customer_id, state, batch_id)
    select {destination}, {segment}, judged.customer_id, 'sending', batch.id
    from judged cross join batch
    where refusal is null
    on conflict (destination, segment, customer_id) do update set
        state = 'sending', batch_id = excluded.batch_id,
        is_uncertain = ledger.is_uncertain or ledger.state = 'sending'
    returning customer_id, remote_id
),
taken as (
    update activation.plan set state = 'taken', content_hash = judged.content_hash
    from judged
    where plan.destination = {destination} and plan.segment = {segment}
        and plan.customer_id = judged.customer_id and judged.refusal is null
),
turned as (
    update activation.plan set op = 'remove', reason = judged.refusal, traits = null
    from judged
    where plan.destination = {destination} and plan.segment = {segment}
        and plan.customer_id = judged.customer_id and judged.refusal <> all({held})
        and exists (
            select from activation.ledger
            where ledger.destination = {destination} and ledger.segment = {segment}
                and ledger.customer_id = judged.customer_id
        )
),
dropped as (
    delete from activation.plan using judged
    where plan.destination = {destination} and plan.segment = {segment}
        and plan.customer_id = judged.customer_id and judged.refusal is not null
        and (judged.refusal = any({held}) or not exists (
            select from activation.ledger
            where ledger.destination = {destination} and ledger.segment = {segment}
                and ledger.customer_id = judged.customer_id
        ))
),
explained as (
    insert into activation.not_sent
    select {destination}, {segment}, customer_id, refusal, {as_of}, {run_id}
    from judged where refusal is not null
    on conflict (destination, segment, customer_id)
    do update set reason = excluded.reason, since = excluded.since, run_id = excluded.run_id
)
select judged.*, former.traits as former_traits, intended.remote_id, batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = judged.customer_id and alias.alias_id <> judged.customer_id),
        '{{}}') as aliases
from judged cross join batch left join intended using (customer_id)
left join former using (customer_id)
order by judged.customer_id
"""

_TAKE_LEAVERS = """
with picked as materialized (
    select customer_id from activation.plan
    where destination = {destination} and segment = {segment} and state = 'open'
        and op = 'remove'
    order by customer_id
    limit {size}
    for update
),
batch as (
    select md5(concat_ws('|', {destination}, {segment}, {as_of}, 'remove',
        string_agg(customer_id, '|' order by customer_id))) as id
    from picked
),
intended as (
    update activation.ledger set state = 'removing', batch_id = batch.id
    from picked cross join batch
    where ledger.destination = {destination} and ledger.segment = {segment}
        and ledger.customer_id = picked.customer_id
    returning ledger.customer_id, ledger.remote_id
),
cleared as (
    select picked.customer_id, jsonb_object_agg(trait.name, null) as traits
    from picked
    inner join activation.ledger
        on ledger.destination = {destination} and ledger.segment = {segment}
        and ledger.customer_id = picked.customer_id
    cross join lateral ({given}) as trait (name)
    group by picked.customer_id
),
taken as (
    update activation.plan set state = 'taken' from picked
    where plan.destination = {destination} and plan.segment = {segment}
        and plan.customer_id = picked.customer_id
)
select picked.customer_id, 'remove' as op, cleared.traits, null as former_traits, contact.email,
    contact.phone, contact.full_name, contact.user_id, null as refusal, intended.remote_id,
    batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = picked.customer_id and alias.alias_id <> picked.customer_id),
        '{{}}') as aliases
from picked cross join batch
left join intended using (customer_id)
left join cleared using (customer_id)
left join marts_pii.dim_customer_contacts as contact using (customer_id)
order by picked.customer_id
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch with the operation of each person; `refused` is how many lost their consent."""

    batch: Batch
    ops: Mapping[str, str]
    refused: int


def take(connection: psycopg.Connection, target: List, size: int, leavers: bool) -> Taken | None:
    """The next batch of people to add and change, or to take off; None when there is none."""
    held = list(HELD)
    statement = sql.SQL(_TAKE_LEAVERS if leavers else _TAKE).format(
        held=held,
        cap=_cap(connection, target),
        former=sent_traits.former(connection, target.segment, target.destination),
        given=sent_traits.given(),
        destination=target.destination,
        segment=target.segment.key,
        size=size,
        as_of=target.as_of,
        run_id=target.run_id,
        content_hash=content_hash(target.segment, sql.SQL("person.traits")),
        permission=permission(target.segment, target.destination, target.options),
        refusal=refusal(target.segment, target.options),
    )
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement).fetchall()
    if not rows:
        return None
    kept = [row for row in rows if row["refusal"] is None]
    people = [_person(row, target.segment.channel) for row in kept]
    batch_id = rows[0]["batch_id"] or ""
    batch = Batch(batch_id, target.audience, people, target.run_id, target.as_of)
    return Taken(batch, {row["customer_id"]: row["op"] for row in kept}, len(rows) - len(kept))


def _cap(connection: psycopg.Connection, target: List) -> sql.Composable:
    """Why somebody who may be written to gets no message tonight."""
    if not message_caps.is_capped(target.segment, target.options):
        return sql.SQL("null")
    return sql.SQL(
        "case when person.op = any({ops}) and person.customer_id in ({capped})"
        " then 'frequency_cap' end"
    ).format(
        ops=message_caps.operations(target.destination),
        capped=message_caps.capped(
            connection, target.segment, target.destination, target.options, target.run_id,
            target.as_of, "picked",
        ),
    )  # fmt: skip


def _person(row: Mapping[str, Any], channel: str) -> Person:
    """Only what the channel needs of a person's contact details leaves the house."""
    return Person(
        customer_id=row["customer_id"],
        remote_id=row["remote_id"],
        email=row["email"],
        phone=row["phone"] if channel == "sms" else None,
        full_name=row["full_name"],
        user_id=row["user_id"] if channel == "push" else None,
        aliases=tuple(row["aliases"]),
        is_listed=row["op"] == "update",
        traits={**(row["former_traits"] or {}), **(row["traits"] or {})},
    )
