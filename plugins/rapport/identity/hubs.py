"""Hubs: identifiers that too many profiles share, which resolution ignores.

An identifier is a hub if more profiles have it than the cap of its type allows. A mailbox is also
ignored if people with clearly different names share it (`identity.name_clashes`). A full resolution
counts with the arrays that the resolver holds anyway (in SQL, 5 million rows take 2.5 s). Other
runs count only the identifiers that changed profiles gained or lost.

>>> hubs.recount(warehouse)  # doctest: +SKIP
"""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

Ints = NDArray[Any]


def count_all(warehouse: psycopg.Connection[Any], keys: Ints, codes: Ints) -> Ints:
    """Rebuild `identity.capped` from all edges; returns for each key whether it is a hub.

    `keys` are the sorted identifier keys, `codes` the index of the key of each edge.
    """
    row = warehouse.execute("select min(cap) from identity.rules").fetchone()
    counts = np.bincount(codes, minlength=len(keys))
    candidates = np.flatnonzero(counts > (row[0] if row and row[0] else 0))
    clashes = [
        key for (key,) in warehouse.execute("select identifier_key from identity.name_clashes")
    ]
    candidates = np.union1d(candidates, np.flatnonzero(np.isin(keys, clashes)))
    warehouse.execute("delete from identity.capped")
    hubs = warehouse.execute(
        ADD_ALL, {"keys": keys[candidates].tolist(), "profiles": counts[candidates].tolist()}
    ).fetchall()
    flags = np.zeros(len(keys), bool)
    flags[np.searchsorted(keys, [hub for (hub,) in hubs])] = True
    return flags


def recount(warehouse: psycopg.Connection[Any]) -> None:
    """Update `identity.capped` for the changed profiles.

    Leaves four temporary tables: `offered` (the identifiers of the changed profiles),
    `changed_identifiers` (those gained or lost), `sharing_profiles` (all profiles that have one of
    these) and `changed_hubs` (identifiers that became a hub or stopped being one).
    """
    warehouse.execute("analyze identity.changed_profiles, identity.former_identifiers")
    warehouse.execute(OFFERED)
    warehouse.execute("analyze offered")
    warehouse.execute(CHANGED_IDENTIFIERS)
    warehouse.execute("analyze changed_identifiers")
    warehouse.execute(SHARING_PROFILES)
    warehouse.execute("create index on sharing_profiles (identifier_key)")
    warehouse.execute("analyze sharing_profiles")
    warehouse.execute(CHANGED_HUBS)
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

# Only an identifier that a profile gained or lost can change a count or join another region.
CHANGED_IDENTIFIERS = """
create temporary table changed_identifiers on commit drop as
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
) as changed_identifiers
union
select identifier_key
from identity.name_clashes
full join (
    select identifier_key from identity.capped where reason = 'shared_by_names'
) as known using (identifier_key)
where name_clashes.identifier_key is null or known.identifier_key is null
"""

SHARING_PROFILES = """
create temporary table sharing_profiles on commit drop as
select identifier_key, others.profile_key
from (select identifier_key from changed_identifiers order by identifier_key) as wanted
left join identity_build.int_identifiers_normalised as others using (identifier_key)
"""

CHANGED_HUBS = """
create temporary table changed_hubs on commit drop as
with recounted as (
    select identifier_key, count(profile_key) as profiles
    from sharing_profiles
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
using changed_hubs
where capped.identifier_key = changed_hubs.identifier_key and not changed_hubs.is_hub
"""

ADD = """
insert into identity.capped (identifier_key, reason)
select identifier_key, reason from changed_hubs where is_hub
"""
