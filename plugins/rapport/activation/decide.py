"""For one list: who should be on it, who is, and what has to change, as one SQL statement.

The statement leaves a temporary table `decided` with a row for everybody who is not simply on the
list as they should be: `op` says what to push, `reason` why somebody is not to be on the list.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from rapport.activation.consent import permission, refusal
from rapport.activation.options import ActivationOptions
from rapport.activation.segments import Segment

_DECIDE = """
create temp table decided on commit drop as
with member as (
    select customer_id, traits, arm from segments.membership
    where segment = {segment} and left_at is null
),
held as (
    select customer_id, state, content_hash from activation.ledger
    where destination = {destination} and segment = {segment}
),
person as (
    select
        coalesce(member.customer_id, held.customer_id) as customer_id,
        member.customer_id is not null as is_member,
        member.traits, member.arm, held.state, held.content_hash as held_hash
    from member full join held on held.customer_id = member.customer_id
),
judged as (
    select
        person.customer_id, person.is_member, person.traits, person.state, person.held_hash,
        {content_hash} as content_hash,
        case
            when {refusal} is not null then {refusal}
            when not person.is_member then 'left'
            when {is_expired} then 'expired'
            {holds}
            {campaign}
        end as reason
    from person
    {permission}
    {hold_joins}
    {campaign_joins}
),
changed as (
    select *, case
        when reason is not null and state is not null then 'remove'
        when reason is not null then null
        when state is null or held_hash is null then 'add'
        when state = 'removing' then 'add'
        when state = 'sending' or held_hash <> content_hash then 'update'
    end as op
    from judged
)
select customer_id, is_member, state is not null as is_held, traits, content_hash, reason, op
from changed
where op is not null or reason is not null
"""

CONTENT_HASH = """
md5(concat_ws(chr(31), {customer_id}, coalesce(contact.email, ''),
    coalesce(contact.full_name, ''), {phone}, {traits}::text))::uuid
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the statement found, before the guards."""

    members: int
    held: int
    adds: int
    updates: int
    removes: int
    compelled: int


def content_hash(segment: Segment, traits: sql.Composable) -> sql.Composed:
    """What the tool gets to know of a person, as 16 bytes."""
    phone = "coalesce(contact.phone, '')" if segment.channel == "sms" else "''"
    return sql.SQL(CONTENT_HASH).format(
        customer_id=sql.SQL("person.customer_id"), phone=sql.SQL(phone), traits=traits
    )


def decide(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    options: ActivationOptions,
    suppressors: list[str],
    as_of: datetime,
) -> Decision:
    """Fill `decided` for this list; to be called inside a transaction.

    `suppressors` are the keys of the segments that hold this one's purpose back. The temporary
    table `claims` holds whom a segment of higher priority has taken tonight.
    """
    hold_joins, holds = _holds(suppressors)
    campaign_joins, campaign = _campaign(segment, destination, options, as_of)
    connection.execute("set local work_mem = '128MB'")
    connection.execute("drop table if exists pg_temp.decided")
    connection.execute(
        sql.SQL(_DECIDE).format(
            segment=segment.key,
            destination=destination,
            content_hash=content_hash(segment, sql.SQL("person.traits")),
            refusal=refusal(segment, options),
            permission=permission(segment, destination, options),
            is_expired=sql.Literal(segment.expires < as_of.date()),
            holds=holds,
            hold_joins=hold_joins,
            campaign=campaign,
            campaign_joins=campaign_joins,
        )
    )
    row = connection.execute(
        """
        select
            (select count(*) from segments.membership where segment = %(segment)s
                and left_at is null),
            (select count(*) from activation.ledger where destination = %(destination)s
                and segment = %(segment)s),
            count(*) filter (where op = 'add'),
            count(*) filter (where op = 'update'),
            count(*) filter (where op = 'remove'),
            count(*) filter (where op = 'remove' and reason in ('no_consent', 'suppressed'))
        from decided
        """,
        {"segment": segment.key, "destination": destination},
    ).fetchone()
    assert row is not None
    return Decision(*row)


def _holds(suppressors: list[str]) -> tuple[sql.Composable, sql.Composable]:
    if not suppressors:
        return sql.SQL(""), sql.SQL("")
    joins = sql.SQL("""
        left join (
            select customer_id, min(segment) as segment from segments.membership
            where segment = any({}) and left_at is null
            group by customer_id
        ) as hold on hold.customer_id = person.customer_id
    """).format(sql.Literal(suppressors))
    return joins, sql.SQL("when hold.segment is not null then hold.segment")


def _campaign(
    segment: Segment, destination: str, options: ActivationOptions, as_of: datetime
) -> tuple[sql.Composable, sql.Composable]:
    """Hold-out, priority and cap concern campaigns only: a service message always goes out."""
    if not segment.is_campaign:
        return sql.SQL(""), sql.SQL("")
    joins = [
        sql.SQL(
            "left join claims on claims.customer_id = person.customer_id and claims.channel = {}"
        ).format(segment.channel)
    ]
    cases = [
        sql.SQL("when person.arm <> 'treated' then 'holdout'"),
        sql.SQL("when claims.customer_id is not null then 'lower_priority'"),
    ]
    cap = options.caps.get(segment.channel)
    if cap is not None:
        joins.append(
            sql.SQL("""
            left join (
                select coalesce(alias.customer_id, receipts.customer_id) as customer_id
                from activation.receipts
                left join identity.aliases as alias on alias.alias_id = receipts.customer_id
                where op = 'add' and channel = {channel} and purpose <> 'service'
                    and sent_at > {since} and sent_at <= {as_of}
                group by 1
                having count(distinct segment) >= {messages}
            ) as capped on capped.customer_id = person.customer_id and person.state is null
            """).format(
                channel=segment.channel,
                since=as_of - timedelta(days=cap.days),
                as_of=as_of,
                messages=cap.messages,
            )
        )
        cases.append(sql.SQL("when capped.customer_id is not null then 'frequency_cap'"))
    return sql.SQL(" ").join(joins), sql.SQL(" ").join(cases)
