"""Customers get their ids and the ledgers learn of them, set by set, in SQL.

A customer's id is a hash of its anchor: the member that landed first, then by the order of
sources, then by profile id. So ids need no memory, and who keeps an id after a merge or a split is
a matter of who has the anchor.
"""

from datetime import datetime
from typing import Any

import psycopg

ASSIGNED = """
create temporary table assigned (
    profile_key bigint, label bigint, region_key bigint, is_oldest boolean, is_tied boolean
) on commit drop
"""

CUT = """
create temporary table cut (
    profile_key bigint, identifier_key bigint, reason bigint, edge bigint
) on commit drop
"""

PROBABLE = "create temporary table probable (profile_key bigint, certain bigint) on commit drop"

WRITE_CUTS = """
insert into identity.cut_edges (profile_key, identifier_key, reason)
select profile_key, identifier_key, %(reason)s from cut where reason = %(number)s
"""

NAME_CUT = """
update identity.cut_edges set detail = %(name)s
from cut
where
    cut.edge = %(edge)s
    and cut_edges.profile_key = cut.profile_key
    and cut_edges.identifier_key = cut.identifier_key
"""

NAME_MATCHES = """
update identity.cut_edges set detail = tonight_pairs.name
from cut
inner join tonight_pairs on tonight_pairs.number = -cut.identifier_key
where
    cut_edges.detail = ''
    and cut_edges.profile_key = cut.profile_key
    and cut_edges.identifier_key = cut.identifier_key
"""


def write(
    warehouse: psycopg.Connection[Any], *, run_id: str, as_of: datetime, full: bool
) -> dict[str, int]:
    """Bring members, aliases and merge log up to date with `assigned`; returns the counts."""
    at = {"run_id": run_id, "as_of": as_of}
    row = warehouse.execute("select exists (select from identity.members)").fetchone()
    empty = not (row and row[0])
    customers = warehouse.execute(CUSTOMERS).rowcount
    if empty:
        _fill(warehouse, at)
        moved = {}
    else:
        warehouse.execute(NAMED)
        warehouse.execute("analyze customers")
        warehouse.execute("analyze named")
        warehouse.execute(BEFORE.format(where=ALL if full else TOUCHED))
        warehouse.execute("analyze before")
        warehouse.execute(MOVES)
        warehouse.execute("analyze moves")
        warehouse.execute(CHANGE_MEMBERS, at)
        warehouse.execute(ADD_MEMBERS, at)
        warehouse.execute(REMOVE_MEMBERS)
        warehouse.execute(LOG, at)
        moved = dict(warehouse.execute(MOVED, at).fetchall())
    warehouse.execute(MARK_PROBABLE.format(where=ALL if full or empty else TOUCHED_MEMBERS))
    new = _write_aliases(warehouse, at)
    total = customers if full or empty else _total(warehouse, customers)
    warehouse.execute(
        "update identity.state set customers = %s, must_rebuild = false,"
        " resolved_run_id = %s, resolved_as_of = %s",
        [total, run_id, as_of],
    )
    merged, split = moved.get("merged", 0), moved.get("split", 0)
    return {"total": total, "new": new, "merged": merged, "split": split}


def _fill(warehouse: psycopg.Connection[Any], at: dict[str, Any]) -> None:
    # The first resolution: an index over everything is built faster than row by row.
    warehouse.execute("alter table identity.members drop constraint members_pkey")
    warehouse.execute("drop index identity.members_region_key")
    warehouse.execute(FILL_MEMBERS, at)
    warehouse.execute(
        "alter table identity.members add constraint members_pkey"
        " primary key (profile_key) include (region_key)"
    )
    warehouse.execute(
        "create index members_region_key on identity.members (region_key, profile_key)"
    )


def _write_aliases(warehouse: psycopg.Connection[Any], at: dict[str, Any]) -> int:
    row = warehouse.execute("select exists (select from identity.aliases)").fetchone()
    if row and row[0]:
        warehouse.execute(FOLLOW_ANCHORS)
        return warehouse.execute(NEW_ALIASES, at).rowcount
    warehouse.execute("alter table identity.aliases drop constraint aliases_pkey")
    new = warehouse.execute(FILL_ALIASES, at).rowcount
    # Two anchors with the same hash end here, with an error, and not as one customer.
    warehouse.execute("alter table identity.aliases add primary key (alias_id)")
    return new


def _total(warehouse: psycopg.Connection[Any], touched: int) -> int:
    row = warehouse.execute(
        "select customers - (select count(distinct customer_id) from before) from identity.state"
    ).fetchone()
    return touched + int(row[0]) if row else 0


NAMED = """
create temporary table named on commit drop as
select assigned.*, profiles.profile_id
from assigned
inner join identity.profiles using (profile_key)
"""

CUSTOMERS = """
create temporary table customers on commit drop as
with anchors as (
    select assigned.label, profiles.profile_id
    from assigned
    inner join identity.profiles using (profile_key)
    where assigned.is_oldest and not assigned.is_tied
    union all
    select assigned.label, min(profiles.profile_id) as profile_id
    from assigned
    inner join identity.profiles using (profile_key)
    where assigned.is_oldest and assigned.is_tied
    group by assigned.label
)

select
    label,
    profile_id as anchor_profile_id,
    'c_' || left(encode(sha256(convert_to(profile_id, 'UTF8')), 'hex'), 20) collate "C"
    as customer_id
from anchors
"""

FILL_MEMBERS = """
insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
select
    profiles.profile_id, customers.customer_id, %(as_of)s, profile_key, assigned.region_key
from assigned
inner join identity.profiles using (profile_key)
inner join customers using (label)
"""

ALL = "true"
TOUCHED = "profile_key in (select profile_key from touched)"
BEFORE = """
create temporary table before on commit drop as
select profile_key, profile_id, customer_id, region_key
from identity.members
where {where}
"""

# What hangs on the anchor by certain links only is certain.
MARK_PROBABLE = """
with marks as (
    select probable.profile_key, probable.certain <> anchor.certain as is_probable
    from probable
    inner join assigned using (profile_key)
    inner join customers using (label)
    inner join identity.profiles on profiles.profile_id = customers.anchor_profile_id
    inner join probable as anchor on anchor.profile_key = profiles.profile_key
),

concerned as (
    select members.profile_key, coalesce(marks.is_probable, false) as is_probable
    from identity.members
    left join marks using (profile_key)
    where members.is_probable and {where}
    union
    select profile_key, is_probable from marks where is_probable
)

update identity.members set is_probable = concerned.is_probable
from concerned
where
    members.profile_key = concerned.profile_key
    and members.is_probable <> concerned.is_probable
"""

TOUCHED_MEMBERS = "members.profile_key in (select profile_key from touched)"

MOVES = """
create temporary table moves on commit drop as
select before.customer_id as from_id, customers.customer_id as to_id, count(*)::integer as profiles
from before
inner join named using (profile_key)
inner join customers using (label)
where before.customer_id <> customers.customer_id
group by 1, 2
"""

CHANGE_MEMBERS = """
update identity.members set
    customer_id = customers.customer_id,
    region_key = named.region_key,
    as_of = case
        when members.customer_id = customers.customer_id then members.as_of else %(as_of)s
    end
from before
inner join named using (profile_key)
inner join customers using (label)
where
    members.profile_key = before.profile_key
    and (before.customer_id, before.region_key) is distinct from
    (customers.customer_id, named.region_key)
"""

ADD_MEMBERS = """
insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
select named.profile_id, customers.customer_id, %(as_of)s, named.profile_key, named.region_key
from named
inner join customers using (label)
where not exists (select from before where before.profile_key = named.profile_key)
"""

REMOVE_MEMBERS = """
delete from identity.members using before
where
    members.profile_key = before.profile_key
    and not exists (select from named where named.profile_key = before.profile_key)
"""

# A customer that is gone continues where its anchor went; where the anchor itself is gone, where
# most of its members went.
LOG = """
with heirs as (
    select distinct on (moves.from_id) moves.from_id, moves.to_id
    from moves
    left join identity.aliases on aliases.alias_id = moves.from_id
    left join identity.profiles on profiles.profile_id = aliases.anchor_profile_id
    left join identity.members as anchor on anchor.profile_key = profiles.profile_key
    order by
        moves.from_id,
        coalesce(anchor.customer_id = moves.to_id, false) desc,
        moves.profiles desc,
        moves.to_id
),

others as (
    select distinct moves.from_id, moves.to_id
    from moves
    inner join customers on customers.customer_id = moves.to_id
    inner join named using (label)
    inner join before using (profile_key)
    where before.customer_id <> moves.from_id
),

judged as (
    select
        moves.*,
        case
            when survivors.customer_id is not null or heirs.to_id is null then 'split'
            when others.to_id is not null then 'merged'
            else 'reanchored'
        end as kind
    from moves
    left join customers as survivors on survivors.customer_id = moves.from_id
    left join heirs using (from_id, to_id)
    left join others using (from_id, to_id)
)

insert into identity.merge_log
(run_id, as_of, kind, from_customer_id, to_customer_id, profiles, cause)
select
    %(run_id)s, %(as_of)s, judged.kind, judged.from_id, judged.to_id, judged.profiles,
    coalesce(
        case
            when judged.kind = 'merged' then coalesce(link.cause, '{"rule": "override"}')
            when judged.kind = 'split' then coalesce(cut.cause, gone.cause, '{"rule": "rules"}')
        end,
        '{"rule": "anchor"}'
    )
from judged
left join lateral (
    select
        jsonb_build_object(
            'identifier_type', mine.identifier_type, 'identifier_key', mine.identifier_key,
            'profile_a', before.profile_id, 'profile_b', partner.profile_id
        ) as cause
    from before
    inner join named as moved using (profile_key)
    inner join customers using (label)
    inner join identity_build.int_identity_edges as mine using (profile_key)
    inner join identity_build.int_identity_edges as theirs
        on mine.identifier_key = theirs.identifier_key
    inner join named as partner
        on theirs.profile_key = partner.profile_key and partner.label = moved.label
    left join before as formerly on formerly.profile_key = partner.profile_key
    where
        judged.kind = 'merged'
        and before.customer_id = judged.from_id
        and customers.customer_id = judged.to_id
        and formerly.customer_id is distinct from judged.from_id
    order by mine.weight desc, before.profile_id, partner.profile_id, mine.identifier_key
    limit 1
) as link on true
left join lateral (
    select
        jsonb_build_object(
            'rule', cut_edges.reason, 'detail', cut_edges.detail, 'profile_a', before.profile_id
        ) as cause
    from before
    inner join identity.cut_edges using (profile_key)
    where judged.kind = 'split' and before.customer_id = judged.from_id
    order by before.profile_id, cut_edges.identifier_key
    limit 1
) as cut on true
left join lateral (
    select
        jsonb_build_object(
            'rule',
            case when hubs.identifier_key is null then 'identifier_removed' else 'over_cap' end,
            'identifier_key', former.identifier_key, 'profile_a', before.profile_id
        ) as cause
    from before
    inner join (
        select profile_key, identifier_key from identity.former_identifiers
        union
        select profile_key, identifier_key from identity_build.int_identifiers_normalised
        where identifier_key is not null
    ) as former using (profile_key)
    left join identity_build.int_identity_edges as now using (profile_key, identifier_key)
    left join identity.capped as hubs on former.identifier_key = hubs.identifier_key
    where
        judged.kind = 'split'
        and before.customer_id = judged.from_id
        and now.identifier_key is null
    order by before.profile_id, former.identifier_key
    limit 1
) as gone on true
order by judged.kind, judged.from_id, judged.to_id
"""

MOVED = """
select kind, count(*)
from identity.merge_log
where run_id = %(run_id)s and (from_customer_id, to_customer_id) in (
    select from_id, to_id from moves
)
group by kind
"""

# An alias means the customer that its anchor belongs to now. An anchor that is gone hands over to
# the anchor of the customer that took its place.
FOLLOW_ANCHORS = """
with reborn as (
    select customers.customer_id from customers
    where not exists (select from before where before.customer_id = customers.customer_id)
),

gone as (
    select distinct from_id from moves
),

concerned as (
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join reborn on aliases.alias_id = reborn.customer_id
    union
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join gone on aliases.alias_id = gone.from_id
    union
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join gone on aliases.customer_id = gone.from_id
    where aliases.alias_id <> aliases.customer_id
),

heirs as (
    select distinct on (from_id) from_id, to_id
    from moves
    order by from_id, profiles desc, to_id
),

meaning as (
    select
        concerned.alias_id,
        coalesce(
            alive.customer_id, members.customer_id, heirs.to_id, concerned.customer_id
        ) as customer_id,
        case
            when alive.customer_id is not null then alive.anchor_profile_id
            when members.customer_id is not null or heirs.to_id is null
                then concerned.anchor_profile_id
            else anchors.anchor_profile_id
        end as anchor_profile_id
    from concerned
    left join identity.profiles on profiles.profile_id = concerned.anchor_profile_id
    left join identity.members on members.profile_key = profiles.profile_key
    left join customers as alive on alive.customer_id = concerned.alias_id
    left join heirs on heirs.from_id = concerned.customer_id
    left join customers as anchors on anchors.customer_id = heirs.to_id
)

update identity.aliases set
    customer_id = meaning.customer_id, anchor_profile_id = meaning.anchor_profile_id
from meaning
where
    aliases.alias_id = meaning.alias_id
    and (aliases.customer_id, aliases.anchor_profile_id) is distinct from
    (meaning.customer_id, meaning.anchor_profile_id)
"""

NEW_ALIASES = """
insert into identity.aliases (alias_id, customer_id, since, anchor_profile_id)
select customers.customer_id, customers.customer_id, %(as_of)s, customers.anchor_profile_id
from customers
where not exists (
    select from identity.aliases where aliases.alias_id = customers.customer_id
)
"""

FILL_ALIASES = """
insert into identity.aliases (alias_id, customer_id, since, anchor_profile_id)
select customer_id, customer_id, %(as_of)s, anchor_profile_id from customers
"""
