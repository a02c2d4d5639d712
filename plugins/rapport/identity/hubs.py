"""Hubs: identifiers that more profiles offer than the cap of their type allows join nobody.

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
    warehouse.execute("delete from identity.capped")
    hubs = warehouse.execute(
        ADD_ALL, {"keys": keys[crowded].tolist(), "profiles": counts[crowded].tolist()}
    ).fetchall()
    flags = np.zeros(len(keys), bool)
    flags[np.searchsorted(keys, [hub for (hub,) in hubs])] = True
    return flags


def recount(warehouse: psycopg.Connection[Any]) -> None:
    """Bring `identity.capped` up to date with the changed profiles; `flipped` has what changed."""
    warehouse.execute("analyze identity.changed_profiles, identity.former_identifiers")
    warehouse.execute(RECOUNTED)
    warehouse.execute(FLIPPED)
    warehouse.execute(REMOVE)
    warehouse.execute(ADD)


ADD_ALL = """
insert into identity.capped
select counted.identifier_key
from unnest(%(keys)s::bigint[], %(profiles)s::bigint[]) as counted (identifier_key, profiles)
inner join identity.identifiers using (identifier_key)
inner join identity.rules using (identifier_type)
where counted.profiles > rules.cap
returning identifier_key
"""

RECOUNTED = """
create temporary table recounted on commit drop as
with candidates as (
    select offered.identifier_key
    from identity.changed_profiles
    inner join identity_build.int_identifiers_normalised as offered using (profile_key)
    where offered.identifier_key is not null
    union
    select identifier_key from identity.former_identifiers
)

select candidates.identifier_key, counted.profiles > rules.cap as is_hub
from candidates
inner join identity.identifiers using (identifier_key)
inner join identity.rules using (identifier_type)
cross join lateral (
    select count(*) as profiles
    from identity_build.int_identifiers_normalised as offered
    where offered.identifier_key = candidates.identifier_key
) as counted
"""

FLIPPED = """
create temporary table flipped on commit drop as
select recounted.identifier_key, recounted.is_hub
from recounted
left join identity.capped using (identifier_key)
where recounted.is_hub <> (capped.identifier_key is not null)
"""

REMOVE = """
delete from identity.capped
using flipped
where capped.identifier_key = flipped.identifier_key and not flipped.is_hub
"""

ADD = "insert into identity.capped select identifier_key from flipped where is_hub"
