"""The difference of a list: who should be on it, who is by the ledger, and what has to change.

>>> difference = find_difference(connection, target, suppressors, reserved)  # doctest: +SKIP
>>> difference.adds, difference.removes  # doctest: +SKIP
(2, 1)
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from rapport.activation.lists import List
from rapport.activation.planning import message_caps, priority
from rapport.activation.planning.consent import COMPELLED, permission, refusal
from rapport.activation.segments.declarations import Segment

_DIFFERENCE = """
create temp table difference on commit drop as
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
        member.traits, member.arm as assignment, member.goal_at, held.state,
        held.content_hash as held_hash
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
_COUNTS = """
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
from {difference}
"""
_CONTENT_HASH = """
md5(concat_ws(chr(31), {customer_id}, coalesce(contact.email, ''),
    coalesce(contact.full_name, ''), {phone}, {traits}::text))::uuid
"""
_MATCH_CONFIDENCE = sql.SQL("""
    left join (
        select member.customer_id, min(match.probability) as confidence
        from identity.matches as match
        inner join identity.profiles as profile on profile.profile_id = match.profile_a
        inner join identity.members as member using (profile_key)
        where match.is_linked
        group by member.customer_id
    ) as probable on probable.customer_id = person.customer_id
""")
_SUPPRESSOR = """
    left join (
        select customer_id, min(segment) as segment from segments.membership
        where segment = any({}) and left_at is null
        group by customer_id
    ) as suppressor on suppressor.customer_id = person.customer_id
"""
_CAP = """
update {difference} as difference set
    op = case when op = 'add' and state = 'removing' and {may_remove} then 'remove' end,
    reason = case when op = 'add' then 'frequency_cap' end
from ({capped}) as capped
where difference.customer_id = capped.customer_id and difference.op = any({ops})
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """The counts of the difference, and the temporary table that has it for this transaction.

    `members` are wanted and `held` are in the ledger. Of the `removes`, the `compelled` refused
    consent, are suppressed or are being erased, and the consent of the `lost` went missing.
    `table` has one row per customer who must change or is not to be on the list:

    - `customer_id`, `is_member`
    - `state`: that of the ledger, null where the customer is not in it
    - `traits`, `content_hash`: what the destination gets, and a hash of it
    - `reason`: why the customer is not to be on the list, null where they are
    - `op`: add, update or remove; null where nothing is sent
    """

    table: sql.Identifier
    members: int
    held: int
    adds: int
    updates: int
    removes: int
    compelled: int
    lost: int


def content_hash(segment: Segment, traits: sql.Composable) -> sql.Composed:
    """A hash of 16 bytes over what the destination gets of `person` and their `contact`."""
    phone = "coalesce(contact.phone, '')" if segment.channel == "sms" else "''"
    return sql.SQL(_CONTENT_HASH).format(
        customer_id=sql.SQL("person.customer_id"), phone=sql.SQL(phone), traits=traits
    )


def find_difference(
    connection: psycopg.Connection,
    target: List,
    suppressors: list[str],
    reserved: sql.Identifier,
) -> Difference:
    """Make the table of the difference and count it; to be called inside a transaction.

    `suppressors` are the keys of the segments that suppress the purpose of this one. `reserved` is
    the table of `priority`.
    """
    _make_table(connection, target, suppressors, reserved)
    table = sql.Identifier("difference")
    if target.has_members and message_caps.is_capped(target):
        _cap(connection, target, table)
    row = connection.execute(
        sql.SQL(_COUNTS).format(difference=table),
        {"has_members": target.has_members, "compelled": list(COMPELLED), **target.names},
    ).fetchone()
    assert row is not None
    return Difference(table, *row)


def _make_table(
    connection: psycopg.Connection,
    target: List,
    suppressors: list[str],
    reserved: sql.Identifier,
) -> None:
    segment = target.segment
    is_mirror = segment.mode == "mirror"
    joins, cases = _reasons_of_segment(connection, segment, suppressors, reserved)
    # More is slower: larger hash tables of a million rows leave the processor's caches.
    connection.execute("set local work_mem = '16MB'")
    # Postgres's planner does not know that few rows change, and would use one core only.
    connection.execute("set local parallel_tuple_cost = 0")
    connection.execute("drop table if exists pg_temp.difference")
    connection.execute(
        sql.SQL(_DIFFERENCE).format(
            segment=segment.key,
            destination=target.destination,
            has_members=target.has_members,
            content_hash=content_hash(segment, sql.SQL("person.traits")),
            refusal=refusal(target),
            permission=permission(target),
            is_expired=sql.Literal(segment.expires < target.as_of.date()),
            cases=sql.SQL(" ").join(cases),
            joins=sql.SQL(" ").join(joins),
            may_remove=sql.SQL("true" if is_mirror else "reason = any({})").format(
                *([] if is_mirror else [[*COMPELLED, "consent_lost"]])
            ),
            may_update=sql.SQL("false" if segment.mode == "add-only" else "true"),
        )
    )


def _reasons_of_segment(
    connection: psycopg.Connection,
    segment: Segment,
    suppressors: list[str],
    reserved: sql.Identifier,
) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """Joins and cases that only some segments need; the others do not pay for them."""
    joins: list[sql.Composable] = []
    cases: list[sql.Composable] = []
    if segment.identity_confidence > 0:
        joins.append(_MATCH_CONFIDENCE)
        cases.append(
            sql.SQL("when probable.confidence < {} then 'identity_confidence'").format(
                segment.identity_confidence
            )
        )
    if segment.steps:
        cases.append(sql.SQL("when person.goal_at is not null then 'goal_reached'"))
    if suppressors:
        joins.append(sql.SQL(_SUPPRESSOR).format(sql.Literal(suppressors)))
        cases.append(sql.SQL("when suppressor.segment is not null then suppressor.segment"))
    # Hold-out, priority and cap concern campaigns only: a service message is always sent.
    if segment.is_campaign:
        cases.append(sql.SQL("when person.assignment <> 'treated' then 'holdout'"))
        if priority.is_in_use(connection, reserved, segment.channel):
            joins.append(
                sql.SQL(
                    "left join {} as reserved on reserved.customer_id = person.customer_id"
                    " and reserved.channel = {}"
                ).format(reserved, segment.channel)
            )
            cases.append(sql.SQL("when reserved.customer_id is not null then 'lower_priority'"))
    return joins, cases


def _cap(connection: psycopg.Connection, target: List, table: sql.Identifier) -> None:
    """Send no message to customers over the cap; only those who would get one are looked at."""
    ops = message_caps.operations(target.destination)
    connection.execute("drop table if exists pg_temp.recipient")
    connection.execute(
        sql.SQL(
            "create temp table recipient on commit drop as"
            " select customer_id from {} where op = any({})"
        ).format(table, sql.Literal(ops))
    )
    connection.execute("analyze recipient")
    connection.execute(
        sql.SQL(_CAP).format(
            difference=table,
            capped=message_caps.capped(connection, target, "recipient"),
            ops=sql.Literal(ops),
            may_remove=target.segment.mode == "mirror",
        )
    )
