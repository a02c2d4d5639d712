"""Hubs: identifiers that more profiles offer than the cap of their type allows join nobody.

Neither do mailboxes that people of clearly different names share (`identity.name_clashes`).

Counting is a matter of the arrays that the resolver holds anyway (in SQL, 5 million rows took 2.5
seconds a night); a night counts again only what its changed profiles offer or have ceased to offer.
"""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

Ints = NDArray[Any]


def count_all(warehouse: psycopg.Connection[Any], keys: Ints, codes: Ints) -> Ints:
    """Write `identity.capped` anew from all edges; returns which of the keys are hubs, by code."""
    row = warehouse.execute("select min(cap) from identity.rules").fetchone()
    counts = np.bincount(codes, minlength=len(keys))
    crowded = np.flatnonzero(counts > (row[0] if row and row[0] else 0))
    clashes = [
        key for (key,) in warehouse.execute("select identifier_key from identity.name_clashes")
    ]
    crowded = np.union1d(crowded, np.flatnonzero(np.isin(keys, clashes)))
    warehouse.execute("delete from identity.capped")
    hubs = warehouse.execute(
        ADD_ALL, {"keys": keys[crowded].tolist(), "profiles": counts[crowded].tolist()}
    ).fetchall()
    flags = np.zeros(len(keys), bool)
    flags[np.searchsorted(keys, [hub for (hub,) in hubs])] = True
    return flags


def recount(warehouse: psycopg.Connection[Any]) -> None:
    """Bring `identity.capped` up to date with the changed profiles; `flipped` has what changed.

    `offered` has all that the changed profiles offer, `near` who offers what they began or ceased
    to offer: each of these identifiers is looked up once, in the order of the index.
    """
    warehouse.execute("analyze identity.changed_profiles, identity.former_identifiers")
    warehouse.execute(OFFERED)
    warehouse.execute("analyze offered")
    warehouse.execute(MOVED)
    warehouse.execute("analyze moved")
    warehouse.execute(NEAR)
    warehouse.execute("create index on near (identifier_key)")
    warehouse.execute("analyze near")
    warehouse.execute(FLIPPED)
    warehouse.execute(REMOVE)
    warehouse.execute(ADD)


ADD_ALL = """
insert into identity.capped (identifier_key, reason)
select
    counted.identifier_key,
    case when counted.profiles > rules.cap then 'over_cap' else 'shared_by_names' end
from unnest(%(keys)s::bigint[], %(profiles)s::bigint[]) as counted (identifier_key, profiles)
inner join identity.identifiers using (identifier_key)
inner join identity.rules using (identifier_type)
left join identity.name_clashes as clashes using (identifier_key)
where counted.profiles > rules.cap or clashes.identifier_key is not null
returning identifier_key
"""

OFFERED = """
create temporary table offered on commit drop as
select offered.profile_key, offered.identifier_key, offered.anchor_order, offered.strength
from (select profile_key from identity.changed_profiles order by profile_key) as changed
inner join identity_build.int_identifiers_normalised as offered using (profile_key)
"""

# Only what a profile began or ceased to offer can change a count, or tie it to another region.
MOVED = """
create temporary table moved on commit drop as
with former as (
    select profile_key, identifier_key from identity.former_identifiers
),

present as (
    select profile_key, identifier_key from offered where identifier_key is not null
)

select distinct identifier_key
from (
    (table present except table former)
    union all
    (table former except table present)
) as moved
union
select identifier_key
from identity.name_clashes
full join (
    select identifier_key from identity.capped where reason = 'shared_by_names'
) as known using (identifier_key)
where name_clashes.identifier_key is null or known.identifier_key is null
"""

NEAR = """
create temporary table near on commit drop as
select identifier_key, others.profile_key
from (select identifier_key from moved order by identifier_key) as wanted
left join identity_build.int_identifiers_normalised as others using (identifier_key)
"""

FLIPPED = """
create temporary table flipped on commit drop as
with recounted as (
    select identifier_key, count(profile_key) as profiles
    from near
    group by identifier_key
),

concerned as (
    select recounted.identifier_key, recounted.profiles, false as was_hub
    from recounted
    where
        (
            recounted.profiles > (select min(cap) from identity.rules)
            or exists (
                select from identity.name_clashes as clashes
                where clashes.identifier_key = recounted.identifier_key
            )
        )
        and not exists (
            select from identity.capped where capped.identifier_key = recounted.identifier_key
        )
    union all
    select identifier_key, recounted.profiles, true as was_hub
    from recounted
    inner join identity.capped using (identifier_key)
)

select
    concerned.identifier_key,
    not concerned.was_hub as is_hub,
    case when concerned.profiles > rules.cap then 'over_cap' else 'shared_by_names' end as reason
from concerned
inner join identity.identifiers using (identifier_key)
inner join identity.rules using (identifier_type)
left join identity.name_clashes as clashes using (identifier_key)
where (concerned.profiles > rules.cap or clashes.identifier_key is not null) <> concerned.was_hub
"""

REMOVE = """
delete from identity.capped
using flipped
where capped.identifier_key = flipped.identifier_key and not flipped.is_hub
"""

ADD = """
insert into identity.capped (identifier_key, reason)
select identifier_key, reason from flipped where is_hub
"""
