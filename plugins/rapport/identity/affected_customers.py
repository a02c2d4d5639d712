"""What tonight's delta touches: whole regions, so that the rest cannot be concerned.

A region is a component of all guarded edges, those included that the resolver leaves out. What
becomes of a region depends on nothing outside it.
"""

from typing import Any

import psycopg
from psycopg import sql

from rapport.identity import hubs

TONIGHT = """
create temporary table tonight_overrides (
    kind text, profile_a text collate "C", profile_b text collate "C", weight integer
) on commit drop
"""

MATCHES = """
insert into tonight_overrides
select 'match', profile_a, profile_b, weight from identity.matches where is_linked
"""

# The order gives each pair its number; the resolver cuts in the order of the names.
PAIRS = """
create temporary table tonight_pairs on commit drop as
select
    row_number() over (order by tonight.profile_a, tonight.profile_b, tonight.kind) as number,
    tonight.kind,
    a.profile_key as key_a,
    b.profile_key as key_b,
    tonight.profile_a || ' and ' || tonight.profile_b as name,
    tonight.weight
from tonight_overrides as tonight
inner join identity.profiles as a on a.profile_id = tonight.profile_a
inner join identity.profiles as b on b.profile_id = tonight.profile_b
where a.profile_key <> b.profile_key and {where}
"""


REVIEWED = sql.SQL("""
insert into tonight_overrides
select distinct
    %s,
    least(trim(profile_a) collate "C", trim(profile_b) collate "C"),
    greatest(trim(profile_a) collate "C", trim(profile_b) collate "C"),
    null::integer
from {}
where profile_a is not null and profile_b is not null
""")


def load_overrides(warehouse: psycopg.Connection[Any]) -> None:
    """Read the reviewed pairs into `tonight_overrides`, each with its smaller id first."""
    warehouse.execute(TONIGHT)
    for kind in ("must_link", "cannot_link"):
        table = sql.Identifier("identity_build", f"identity_{kind}")
        row = warehouse.execute(
            "select to_regclass(%s) is not null", [table.as_string()]
        ).fetchone()
        if row and row[0]:
            warehouse.execute(REVIEWED.format(table), [kind])
    warehouse.execute(MATCHES)
    warehouse.execute("create index on tonight_overrides (profile_a, profile_b, kind)")
    warehouse.execute("create index on tonight_overrides (profile_b)")
    warehouse.execute("analyze tonight_overrides")


def load_pairs(warehouse: psycopg.Connection[Any], full: bool) -> None:
    """Number the pairs of which both profiles are known, only the touched ones unless `full`."""
    where = "true" if full else "a.profile_key in (select profile_key from touched)"
    warehouse.execute(PAIRS.format(where=where).encode())


def is_most(warehouse: psycopg.Connection[Any]) -> bool:
    """Whether so much changed that resolving everything is less work; both give the same."""
    row = warehouse.execute(MOST).fetchone()
    return bool(row and row[0])


def find(warehouse: psycopg.Connection[Any]) -> None:
    """Fill `touched` with the profiles to resolve again, `before` with their members."""
    hubs.recount(warehouse)
    warehouse.execute(DIRTY)
    warehouse.execute("analyze dirty")
    warehouse.execute(BEFORE)
    warehouse.execute(TOUCHED)
    warehouse.execute("create unique index on touched (profile_key)")
    warehouse.execute("analyze touched")


def forget(warehouse: psycopg.Connection[Any]) -> None:
    """Note what this resolution has seen."""
    warehouse.execute("truncate identity.changed_profiles, identity.former_identifiers")
    for statement in FORGET:
        warehouse.execute(statement)


FORGET = (
    """
    delete from identity.overrides as known
    where not exists (
        select from tonight_overrides as tonight
        where (tonight.kind, tonight.profile_a, tonight.profile_b)
            = (known.kind, known.profile_a, known.profile_b)
    )
    """,
    """
    insert into identity.overrides
    select distinct kind, profile_a, profile_b from tonight_overrides
    on conflict do nothing
    """,
)

MOST = """
select count(*) > greatest(10000, 0.2 * (select max(profile_key) from identity.profiles))
from identity.changed_profiles
"""

DIRTY = """
create temporary table dirty on commit drop as
with tonight as (
    select distinct kind, profile_a, profile_b from tonight_overrides
),

known as (
    select kind, profile_a, profile_b from identity.overrides
),

overridden as (
    (table tonight except table known)
    union all
    (table known except table tonight)
)

select profile_key from identity.changed_profiles
union
select near.profile_key
from flipped
inner join near using (identifier_key)
union
select profiles.profile_key
from overridden
cross join lateral (values (overridden.profile_a), (overridden.profile_b)) as ends (profile_id)
inner join identity.profiles using (profile_id)
"""

# A new edge is one that a changed profile began to offer, or one of a flipped hub: both are near.
# Whom the other edges tie stands in the region.
BEFORE = """
create temporary table before on commit drop as
with neighbours as (
    select profile_key from near
    where
        profile_key is not null
        and not exists (
            select from identity.capped where capped.identifier_key = near.identifier_key
        )
    union
    select profile_key from dirty
    union
    select partners.profile_key
    from dirty
    inner join identity.profiles as mine using (profile_key)
    inner join (
        select profile_a as mine, profile_b as partner from tonight_overrides
        union all
        select profile_b, profile_a from tonight_overrides
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

TOUCHED = """
create temporary table touched on commit drop as
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
