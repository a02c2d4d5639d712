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

-- Whether the customer that took over has profiles of somebody else.
others as (
    select receivers.to_id, min(before.customer_id) as first_id, max(before.customer_id) as last_id
    from (select distinct to_id from moves) as receivers
    inner join customers on customers.customer_id = receivers.to_id
    inner join named using (label)
    inner join before using (profile_key)
    group by receivers.to_id
),

judged as (
    select
        moves.*,
        case
            when survivors.customer_id is not null or heirs.to_id is null then 'split'
            when others.first_id <> moves.from_id or others.last_id <> moves.from_id then 'merged'
            else 'reanchored'
        end as kind
    from moves
    left join customers as survivors on survivors.customer_id = moves.from_id
    left join heirs using (from_id, to_id)
    left join others using (to_id)
),

links as (
    select distinct on (judged.from_id, judged.to_id)
        judged.from_id,
        judged.to_id,
        jsonb_build_object(
            'identifier_type', mine.identifier_type, 'identifier_key', mine.identifier_key,
            'profile_a', before.profile_id, 'profile_b', partner.profile_id
        ) as cause
    from judged
    inner join before on before.customer_id = judged.from_id
    inner join named as moved using (profile_key)
    inner join customers on customers.label = moved.label and customers.customer_id = judged.to_id
    inner join identity_build.int_identity_edges as mine using (profile_key)
    inner join identity_build.int_identity_edges as theirs
        on mine.identifier_key = theirs.identifier_key
    inner join named as partner
        on theirs.profile_key = partner.profile_key and partner.label = moved.label
    left join before as formerly on formerly.profile_key = partner.profile_key
    where judged.kind = 'merged' and formerly.customer_id is distinct from judged.from_id
    order by
        judged.from_id, judged.to_id,
        mine.weight desc, before.profile_id, partner.profile_id, mine.identifier_key
),

split as (
    select before.customer_id as from_id, before.profile_key, before.profile_id
    from (select distinct from_id from judged where kind = 'split') as parted
    inner join before on before.customer_id = parted.from_id
),

cuts as (
    select distinct on (split.from_id)
        split.from_id,
        jsonb_build_object(
            'rule', cut_edges.reason, 'detail', cut_edges.detail, 'profile_a', split.profile_id
        ) as cause
    from split
    inner join identity.cut_edges using (profile_key)
    order by split.from_id, split.profile_id, cut_edges.identifier_key
),

former as (
    select split.*, known.identifier_key
    from split
    inner join identity.former_identifiers as known using (profile_key)
    union
    select split.*, known.identifier_key
    from split
    inner join identity_build.int_identifiers_normalised as known using (profile_key)
    where known.identifier_key is not null
),

removals as (
    select distinct on (former.from_id)
        former.from_id,
        jsonb_build_object(
            'rule',
            coalesce(hubs.reason, 'identifier_removed'),
            'identifier_key', former.identifier_key, 'profile_a', former.profile_id
        ) as cause
    from former
    left join identity_build.int_identity_edges as now using (profile_key, identifier_key)
    left join identity.capped as hubs on former.identifier_key = hubs.identifier_key
    where now.identifier_key is null
    order by former.from_id, former.profile_id, former.identifier_key
)

insert into identity.merge_log
(run_id, as_of, kind, from_customer_id, to_customer_id, profiles, cause)
select
    %(run_id)s, %(as_of)s, judged.kind, judged.from_id, judged.to_id, judged.profiles,
    coalesce(
        case
            when judged.kind = 'merged' then coalesce(links.cause, '{"rule": "override"}')
            when judged.kind = 'split'
                then coalesce(cuts.cause, removals.cause, '{"rule": "rules"}')
        end,
        '{"rule": "anchor"}'
    )
from judged
left join links using (from_id, to_id)
left join cuts using (from_id)
left join removals using (from_id)
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
