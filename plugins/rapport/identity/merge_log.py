"""The merge log: which customers merged or split in a run, and the edge that caused it.

For a merge, the cause is the edge that joined the two customers. For a split, it is the edge that
is gone or was cut.

>>> merge_log.write(warehouse, {"run_id": run_id, "as_of": as_of})  # doctest: +SKIP
{'merged': 1}
"""

from typing import Any

import psycopg


def write(warehouse: psycopg.Connection[Any], at: dict[str, Any]) -> dict[str, int]:
    """Log every row of the temporary table `moves`; returns the number of rows by kind."""
    warehouse.execute(LOG, at)
    return dict(warehouse.execute(MOVED, at).fetchall())


# The heir of a customer that is gone is the customer that has its anchor. If the anchor is gone
# too, it is the customer that has most of its profiles.
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
            coalesce(hubs.reason, 'identifier_removed'),
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
