"""A batch's way through the ledger: taken with its consent checked again, sent, recorded.

Taking writes the intent into the ledger in its own transaction before anything is sent, so that
after a kill the same people are sent again under the same batch id, and never more than one batch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.activation.consent import permission, refusal
from rapport.activation.decide import content_hash
from rapport.activation.options import ActivationOptions
from rapport.activation.segments import Segment
from rapport.activation.versions import code_version
from rapport.destinations.base import Audience, Batch, Person, Result

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
        contact.email, contact.phone, contact.full_name,
        {content_hash} as content_hash,
        {refusal} as refusal
    from picked as person
    {permission}
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
    on conflict (destination, segment, customer_id)
    do update set state = 'sending', batch_id = excluded.batch_id
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
        and plan.customer_id = judged.customer_id and judged.refusal is not null
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
        and not exists (
            select from activation.ledger
            where ledger.destination = {destination} and ledger.segment = {segment}
                and ledger.customer_id = judged.customer_id
        )
),
explained as (
    insert into activation.not_sent
    select {destination}, {segment}, customer_id, refusal, {as_of}, {run_id}
    from judged where refusal is not null
    on conflict (destination, segment, customer_id)
    do update set reason = excluded.reason, since = excluded.since, run_id = excluded.run_id
)
select judged.*, intended.remote_id, batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = judged.customer_id and alias.alias_id <> judged.customer_id),
        '{{}}') as aliases
from judged cross join batch left join intended using (customer_id)
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
taken as (
    update activation.plan set state = 'taken' from picked
    where plan.destination = {destination} and plan.segment = {segment}
        and plan.customer_id = picked.customer_id
)
select picked.customer_id, 'remove' as op, null::jsonb as traits, contact.email, contact.phone,
    contact.full_name, null as refusal, intended.remote_id, batch.id as batch_id,
    coalesce((select array_agg(alias_id order by alias_id) from identity.aliases as alias
        where alias.customer_id = picked.customer_id and alias.alias_id <> picked.customer_id),
        '{{}}') as aliases
from picked cross join batch
left join intended using (customer_id)
left join marts_pii.dim_customer_contacts as contact using (customer_id)
order by picked.customer_id
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch with the operation of each person; `refused` is how many lost their consent."""

    batch: Batch
    ops: Mapping[str, str]
    refused: int


@dataclass(frozen=True, slots=True)
class List:
    """One list, on the way through one run."""

    segment: Segment
    destination: str
    audience: Audience
    options: ActivationOptions
    run_id: str
    as_of: datetime


def take(connection: psycopg.Connection, target: List, size: int, leavers: bool) -> Taken | None:
    """The next batch of people to add and change, or to take off; None when there is none."""
    statement = sql.SQL(_TAKE_LEAVERS if leavers else _TAKE).format(
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


def _person(row: Mapping[str, Any], channel: str) -> Person:
    """Only what the channel needs of a person's contact details leaves the house."""
    return Person(
        customer_id=row["customer_id"],
        remote_id=row["remote_id"],
        email=row["email"],
        phone=row["phone"] if channel == "sms" else None,
        full_name=row["full_name"],
        aliases=tuple(row["aliases"]),
        is_listed=row["op"] == "update",
        traits=row["traits"] or {},
    )


def record(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> None:
    """Write what the tool answered, in one transaction."""
    with connection.transaction():
        _answers(connection, taken, results)
        _changelog(connection, target, taken)
        _rejections(connection, target, any(not result.accepted for result in results))
        _settle(connection, target)
        _tally(connection, target, taken, results)


def _answers(connection: psycopg.Connection, taken: Taken, results: Sequence[Result]) -> None:
    connection.execute(
        'create temp table if not exists answers (customer_id text collate "C" primary key,'
        " op text, remote_id text, error text) on commit delete rows"
    )
    with connection.cursor().copy("copy answers from stdin") as copy:
        for result in results:
            op = taken.ops[result.customer_id]
            copy.write_row((result.customer_id, op, result.remote_id, result.error))


def _changelog(connection: psycopg.Connection, target: List, taken: Taken) -> None:
    sync_id = f"{target.destination}/{target.segment.key}"
    connection.execute(
        """
        insert into activation.sync_changelog
            (sync_id, sync_run_id, op_type, row_id, status, failure_reason, fields, at)
        select %(sync_id)s, %(run)s,
            case answers.op when 'add' then 'ADDED' when 'update' then 'CHANGED'
                else 'REMOVED' end,
            customer_id, case when error is null then 'SUCCEEDED' else 'REJECTED' end, error,
            plan.traits, %(as_of)s
        from answers join activation.plan using (customer_id)
        where plan.destination = %(destination)s and plan.segment = %(segment)s
        """,
        {"sync_id": sync_id, "run": f"{target.run_id}/{sync_id}", **_names(target)},
    )
    connection.execute(
        """
        insert into activation.receipts
        select %(run_id)s, %(destination)s, %(segment)s, answers.customer_id, answers.op,
            %(channel)s, %(purpose)s, word.event_id, word.policy_version, %(code)s, %(batch)s,
            %(as_of)s
        from answers
        left join marts.dim_consents as word
            on word.customer_id = answers.customer_id and word.channel = %(channel)s
            and word.purpose = %(purpose)s and word.is_granted
        where answers.error is null and answers.op <> 'remove'
        """,
        {
            "channel": target.segment.channel,
            "purpose": target.segment.purpose,
            "code": code_version(),
            "batch": taken.batch.id,
            **_names(target),
        },
    )


def _rejections(connection: psycopg.Connection, target: List, are_there: bool) -> None:
    names = _names(target)
    if are_there:
        connection.execute(
            """
            insert into activation.rejected
            select %(destination)s, %(segment)s, customer_id, op, error, %(as_of)s, %(as_of)s, 1
            from answers where error is not null
            on conflict (destination, segment, customer_id) do update set
                op = excluded.op, reason = excluded.reason, last_at = excluded.last_at,
                tries = activation.rejected.tries + 1
            """,
            names,
        )
        connection.execute(
            """
            insert into activation.not_sent
            select %(destination)s, %(segment)s, customer_id, 'rejected', %(as_of)s, %(run_id)s
            from answers where error is not null and op = 'add'
            on conflict (destination, segment, customer_id) do nothing
            """,
            names,
        )
    connection.execute(
        "delete from activation.rejected using answers where answers.error is null"
        " and rejected.destination = %(destination)s and rejected.segment = %(segment)s"
        " and rejected.customer_id = answers.customer_id",
        names,
    )


def _settle(connection: psycopg.Connection, target: List) -> None:
    """Bring the ledger to what the tool holds now, and take the rows out of the plan."""
    names = _names(target)
    connection.execute(
        """
        update activation.ledger set state = 'sent', content_hash = plan.content_hash,
            remote_id = coalesce(answers.remote_id, ledger.remote_id),
            first_sent_at = coalesce(ledger.first_sent_at, %(as_of)s), last_sent_at = %(as_of)s
        from answers join activation.plan using (customer_id)
        where answers.error is null and answers.op <> 'remove'
            and plan.destination = %(destination)s and plan.segment = %(segment)s
            and ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
        """,
        names,
    )
    connection.execute(
        """
        delete from activation.ledger using answers
        where ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
            and ((answers.op = 'remove' and answers.error is null)
                or (answers.op = 'add' and answers.error is not null))
        """,
        names,
    )
    connection.execute(
        """
        update activation.ledger set state = 'sent' from answers
        where ledger.destination = %(destination)s and ledger.segment = %(segment)s
            and ledger.customer_id = answers.customer_id
            and answers.op = 'update' and answers.error is not null
        """,
        names,
    )
    connection.execute(
        "delete from activation.plan using answers where plan.destination = %(destination)s"
        " and plan.segment = %(segment)s and plan.customer_id = answers.customer_id",
        names,
    )


def _tally(
    connection: psycopg.Connection, target: List, taken: Taken, results: Sequence[Result]
) -> None:
    count: Counter[str] = Counter()
    for result in results:
        op = {"add": "add", "update": "change", "remove": "remove"}[taken.ops[result.customer_id]]
        count[f"num_{'successful' if result.accepted else 'failed'}_{op}"] += 1
    connection.execute(
        sql.SQL(
            "update activation.sync_runs set {} where run_id = %(run_id)s"
            " and destination = %(destination)s and segment = %(segment)s"
        ).format(
            sql.SQL(", ").join(
                sql.SQL("{0} = {0} + {1}").format(sql.Identifier(name), number)
                for name, number in count.items()
            )
        ),
        _names(target),
    )


def _names(target: List) -> dict[str, Any]:
    return {
        "destination": target.destination,
        "segment": target.segment.key,
        "run_id": target.run_id,
        "as_of": target.as_of,
    }
