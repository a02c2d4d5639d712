"""The profiles that a run must resolve again, found from what changed since the last run.

The unit is the region: a connected component over all guarded edges, including those that the
resolver leaves out. The customers of a region depend on nothing outside it, so only regions with
a change are resolved again.

>>> affected_customers.load_overrides(warehouse)  # doctest: +SKIP
>>> affected_customers.find(warehouse)  # doctest: +SKIP
"""

from typing import Any

import psycopg
from psycopg import sql

from rapport.identity import hubs

CURRENT_OVERRIDES = """
create temporary table current_overrides (
    kind text, profile_a text collate "C", profile_b text collate "C", weight integer
) on commit drop
"""

# A pair that is not probable enough for a link still says that two groups of records are alike.
MATCHES = """
insert into current_overrides
select case when is_linked then 'match' else 'support' end, profile_a, profile_b, weight
from identity.matches
"""

# A decision in the seeds outranks one of the review page.
REVIEWED_IN_PAGES = """
insert into current_overrides
select
    case reviewed.answer when 'same' then 'must_link' else 'cannot_link' end,
    reviewed.profile_a, reviewed.profile_b, null
from identity.reviewed_pairs as reviewed
where
    reviewed.answer <> 'later'
    and not exists (
        select from current_overrides as seeds
        where (seeds.profile_a, seeds.profile_b) = (reviewed.profile_a, reviewed.profile_b)
    )
"""

# The order gives each pair its number; the resolver cuts in the order of the names.
PAIRS = """
create temporary table override_pairs on commit drop as
select
    row_number() over (order by current.profile_a, current.profile_b, current.kind) as number,
    current.kind,
    a.profile_key as key_a,
    b.profile_key as key_b,
    current.profile_a || ' and ' || current.profile_b as name,
    current.weight
from current_overrides as current
inner join identity.profiles as a on a.profile_id = current.profile_a
inner join identity.profiles as b on b.profile_id = current.profile_b
where a.profile_key <> b.profile_key and {where}
"""


REVIEWED = sql.SQL("""
insert into current_overrides
select distinct
    %s,
    least(trim(profile_a) collate "C", trim(profile_b) collate "C"),
    greatest(trim(profile_a) collate "C", trim(profile_b) collate "C"),
    null::integer
from {}
where profile_a is not null and profile_b is not null
""")


def load_overrides(warehouse: psycopg.Connection[Any]) -> None:
    """Read the reviewed pairs and matches into `current_overrides`, the smaller id first."""
    warehouse.execute(CURRENT_OVERRIDES)
    for kind in ("must_link", "cannot_link"):
        table = sql.Identifier("identity_build", f"identity_{kind}")
        row = warehouse.execute(
            "select to_regclass(%s) is not null", [table.as_string()]
        ).fetchone()
        if row and row[0]:
            warehouse.execute(REVIEWED.format(table), [kind])
    warehouse.execute(REVIEWED_IN_PAGES)
    warehouse.execute(MATCHES)
    warehouse.execute("create index on current_overrides (profile_a, profile_b, kind)")
    warehouse.execute("create index on current_overrides (profile_b)")
    warehouse.execute("analyze current_overrides")


def load_pairs(warehouse: psycopg.Connection[Any], full: bool) -> None:
    """Number the pairs whose profiles both exist, only the affected ones unless `full`."""
    where = "true" if full else "a.profile_key in (select profile_key from affected)"
    warehouse.execute(PAIRS.format(where=where).encode())


def is_full_cheaper(warehouse: psycopg.Connection[Any]) -> bool:
    """Whether so much changed that it is cheaper to resolve everything. The result is the same."""
    row = warehouse.execute(IS_FULL_CHEAPER).fetchone()
    return bool(row and row[0])


def find(warehouse: psycopg.Connection[Any]) -> None:
    """Fill the temporary tables `affected` (profiles to resolve) and `before` (current members)."""
    hubs.recount(warehouse)
    warehouse.execute(DIRTY)
    warehouse.execute("analyze dirty")
    warehouse.execute(BEFORE)
    warehouse.execute(AFFECTED)
    warehouse.execute("create unique index on affected (profile_key)")
    warehouse.execute("analyze affected")


def mark_resolved(warehouse: psycopg.Connection[Any]) -> None:
    """Clear the list of changes and store the overrides that were applied."""
    warehouse.execute(
        "truncate identity.changed_profiles, identity.former_identifiers, identity.match_changes"
    )
    for statement in STORE_OVERRIDES:
        warehouse.execute(statement)


STORE_OVERRIDES = (
    """
    delete from identity.overrides as known
    where not exists (
        select from current_overrides as current
        where (current.kind, current.profile_a, current.profile_b)
            = (known.kind, known.profile_a, known.profile_b)
    )
    """,
    """
    insert into identity.overrides
    select distinct kind, profile_a, profile_b from current_overrides
    on conflict do nothing
    """,
)

IS_FULL_CHEAPER = """
select count(*) > greatest(10000, 0.2 * (select max(profile_key) from identity.profiles))
from identity.changed_profiles
"""

DIRTY = """
create temporary table dirty on commit drop as
with current as (
    select distinct kind, profile_a, profile_b from current_overrides
),

known as (
    select kind, profile_a, profile_b from identity.overrides
),

overridden as (
    (table current except table known)
    union all
    (table known except table current)
)

select profile_key from identity.changed_profiles
union
select profile_key from identity.match_changes
union
select sharing_profiles.profile_key
from changed_hubs
inner join sharing_profiles using (identifier_key)
union
select profiles.profile_key
from overridden
cross join lateral (values (overridden.profile_a), (overridden.profile_b)) as ends (profile_id)
inner join identity.profiles using (profile_id)
"""

# A new edge comes from an identifier that a changed profile gained, or from a hub that changed.
# `sharing_profiles` holds the profiles of both. All other edges are inside the old regions.
BEFORE = """
create temporary table before on commit drop as
with neighbours as (
    select profile_key from sharing_profiles
    where
        profile_key is not null
        and not exists (
            select from identity.capped
            where capped.identifier_key = sharing_profiles.identifier_key
        )
    union
    select profile_key from dirty
    union
    select partners.profile_key
    from dirty
    inner join identity.profiles as mine using (profile_key)
    inner join (
        select profile_a as mine, profile_b as partner from current_overrides
        union all
        select profile_b, profile_a from current_overrides
    ) as pairs on mine.profile_id = pairs.mine
    inner join identity.profiles as partners on partners.profile_id = pairs.partner
    order by profile_key
),

regions as (
    select distinct members.region_key
    from neighbours
    inner join identity.members using (profile_key)
    order by region_key
)

select members.profile_key, members.profile_id, members.customer_id, members.region_key
from regions
inner join identity.members using (region_key)
"""

AFFECTED = """
create temporary table affected on commit drop as
select profile_key, bool_or(is_changed) as is_changed
from (
    select profile_key, false as is_changed from before
    union all
    select profile_key, false from dirty
    union all
    select profile_key, true from identity.changed_profiles
) as concerned
group by profile_key
order by profile_key
"""
