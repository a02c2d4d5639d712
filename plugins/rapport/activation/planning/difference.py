"""For one list: who should be on it, who is, and what has to change, as one SQL statement.

The statement leaves a temporary table `decided` with a row for everybody who is not simply on the
list as they should be: `op` says what to push, `reason` why somebody is not to be on the list.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.planning import message_caps
from rapport.activation.planning.consent import COMPELLED, permission, refusal
from rapport.activation.planning.known_lists import Listed
from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions

_DECIDE = """
create temp table decided on commit drop as
with member as (
    select customer_id, traits, arm, goal_at from segments.membership
    where segment = {segment} and left_at is null and {has_members}
),
held as (
    select customer_id, state, content_hash from activation.ledger
    where destination = {destination} and segment = {segment}
),
person as (
    select
        coalesce(member.customer_id, held.customer_id) as customer_id,
        member.customer_id is not null as is_member,
        member.traits, member.arm, member.goal_at, held.state, held.content_hash as held_hash
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
            {cases}
        end as reason
    from person
    {permission}
    {joins}
),
changed as (
    select *, case
        when reason is not null and state is not null and {may_remove} then 'remove'
        when reason is not null then null
        when state is null or held_hash is null then 'add'
        when state = 'removing' then 'add'
        when state = 'sending' or (held_hash <> content_hash and {may_update}) then 'update'
    end as op
    from judged
)
select customer_id, is_member, state, traits, content_hash, reason, op
from changed
where op is not null or reason is not null
"""

CONTENT_HASH = """
md5(concat_ws(chr(31), {customer_id}, coalesce(contact.email, ''),
    coalesce(contact.full_name, ''), {phone}, {traits}::text))::uuid
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the statement found, before the guards.

    Of the `removes`, the `compelled` said no, and the consent of the `lost` went missing.
    """

    members: int
    held: int
    adds: int
    updates: int
    removes: int
    compelled: int
    lost: int


def content_hash(segment: Segment, traits: sql.Composable) -> sql.Composed:
    """What the tool gets to know of a person, as 16 bytes."""
    phone = "coalesce(contact.phone, '')" if segment.channel == "sms" else "''"
    return sql.SQL(CONTENT_HASH).format(
        customer_id=sql.SQL("person.customer_id"), phone=sql.SQL(phone), traits=traits
    )


def decide(
    connection: psycopg.Connection,
    listed: Listed,
    options: ActivationOptions,
    suppressors: list[str],
    run_id: str,
    as_of: datetime,
) -> Decision:
    """Fill `decided` for this list; to be called inside a transaction.

    `suppressors` are the keys of the segments that hold this one's purpose back. The temporary
    table `claims` holds whom a segment of higher priority has taken tonight.
    """
    segment, destination = listed.segment, listed.destination
    joins, cases = _circumstances(connection, segment, suppressors)
    # More is slower: larger hash tables of a million rows leave the processor's caches.
    connection.execute("set local work_mem = '16MB'")
    # The planner does not know that hardly anybody changes, and keeps all cores but one out of it.
    connection.execute("set local parallel_tuple_cost = 0")
    connection.execute("drop table if exists pg_temp.decided")
    connection.execute(
        sql.SQL(_DECIDE).format(
            segment=segment.key,
            destination=destination,
            has_members=listed.has_members,
            content_hash=content_hash(segment, sql.SQL("person.traits")),
            refusal=refusal(segment, options),
            permission=permission(segment, destination, options),
            is_expired=sql.Literal(segment.expires < as_of.date()),
            cases=sql.SQL(" ").join(cases),
            joins=sql.SQL(" ").join(joins),
            may_remove=sql.SQL("true" if segment.mode == "mirror" else "reason = any({})").format(
                *([] if segment.mode == "mirror" else [[*COMPELLED, "consent_lost"]])
            ),
            may_update=sql.SQL("false" if segment.mode == "add-only" else "true"),
        )
    )
    if listed.has_members and message_caps.is_capped(segment, options):
        _cap(connection, segment, destination, options, run_id, as_of)
    row = connection.execute(
        """
        select
            (select count(*) from segments.membership where segment = %(segment)s
                and left_at is null and %(has_members)s),
            (select count(*) from activation.ledger where destination = %(destination)s
                and segment = %(segment)s),
            count(*) filter (where op = 'add'),
            count(*) filter (where op = 'update'),
            count(*) filter (where op = 'remove'),
            count(*) filter (where op = 'remove' and reason = any(%(compelled)s)),
            count(*) filter (where op = 'remove' and reason = 'consent_lost')
        from decided
        """,
        {
            "segment": segment.key,
            "destination": destination,
            "has_members": listed.has_members,
            "compelled": list(COMPELLED),
        },
    ).fetchone()
    assert row is not None
    return Decision(*row)


def _circumstances(
    connection: psycopg.Connection, segment: Segment, suppressors: list[str]
) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """Joins and reasons that only some segments have: what is not asked for costs nothing."""
    joins: list[sql.Composable] = []
    cases: list[sql.Composable] = []
    if segment.identity_confidence > 0:
        joins.append(_DOUBT)
        cases.append(
            sql.SQL("when doubt.confidence < {} then 'identity_confidence'").format(
                segment.identity_confidence
            )
        )
    if segment.steps:
        cases.append(sql.SQL("when person.goal_at is not null then 'goal_reached'"))
    if suppressors:
        joins.append(sql.SQL(_HOLD).format(sql.Literal(suppressors)))
        cases.append(sql.SQL("when hold.segment is not null then hold.segment"))
    # Hold-out, priority and cap concern campaigns only: a service message always goes out.
    if segment.is_campaign:
        cases.append(sql.SQL("when person.arm <> 'treated' then 'holdout'"))
        if connection.execute(
            "select true from claims where channel = %s limit 1", (segment.channel,)
        ).fetchone():
            joins.append(
                sql.SQL(
                    "left join claims on claims.customer_id = person.customer_id"
                    " and claims.channel = {}"
                ).format(segment.channel)
            )
            cases.append(sql.SQL("when claims.customer_id is not null then 'lower_priority'"))
    return joins, cases


_DOUBT = sql.SQL("""
    left join (
        select member.customer_id, min(match.probability) as confidence
        from identity.matches as match
        inner join identity.profiles as profile on profile.profile_id = match.profile_a
        inner join identity.members as member using (profile_key)
        where match.is_linked
        group by member.customer_id
    ) as doubt on doubt.customer_id = person.customer_id
""")
_HOLD = """
    left join (
        select customer_id, min(segment) as segment from segments.membership
        where segment = any({}) and left_at is null
        group by customer_id
    ) as hold on hold.customer_id = person.customer_id
"""
_CAP = """
update decided set
    op = case when op = 'add' and state = 'removing' and {may_remove} then 'remove' end,
    reason = case when op = 'add' then 'frequency_cap' end
from ({capped}) as capped
where decided.customer_id = capped.customer_id and decided.op = any({ops})
"""


def _cap(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
) -> None:
    """Send no message to who got enough of them lately; asked of those alone who would get one."""
    ops = message_caps.operations(destination)
    connection.execute("drop table if exists pg_temp.recipient")
    connection.execute(
        sql.SQL(
            "create temp table recipient on commit drop as"
            " select customer_id from decided where op = any({})"
        ).format(sql.Literal(ops))
    )
    connection.execute("analyze recipient")
    connection.execute(
        sql.SQL(_CAP).format(
            capped=message_caps.capped(
                connection, segment, destination, options, run_id, as_of, "recipient"
            ),
            ops=sql.Literal(ops),
            may_remove=segment.mode == "mirror",
        )
    )
