"""Customer ids: a hash of each customer's anchor, written to members, aliases and the merge log.

The anchor is the profile that landed first; ties go by the order of the sources, then by profile
id. An id depends on the anchor only. After a merge or a split, the customer that has the anchor
keeps the id.

>>> customer_ids.write(warehouse, run_id=run_id, as_of=as_of, full=False)  # doctest: +SKIP
{'total': 1893, 'new': 12, 'merged': 1, 'split': 0}
"""

from datetime import datetime
from typing import Any

import psycopg

from rapport.identity import aliases, merge_log

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
update identity.cut_edges set detail = override_pairs.name
from cut
inner join override_pairs on override_pairs.number = -cut.identifier_key
where
    cut_edges.detail = ''
    and cut_edges.profile_key = cut.profile_key
    and cut_edges.identifier_key = cut.identifier_key
"""


def write(
    warehouse: psycopg.Connection[Any],
    *,
    run_id: str,
    as_of: datetime,
    full: bool,
    has_ties: bool = True,
) -> dict[str, int]:
    """Update members, aliases and merge log from the temporary table `assigned`; returns counts.

    `has_ties` says that some customers have several oldest profiles, so that the anchor is chosen
    by profile id.
    """
    at = {"run_id": run_id, "as_of": as_of}
    row = warehouse.execute("select exists (select from identity.members)").fetchone()
    empty = not (row and row[0])
    tied = TIED if has_ties else ""
    if empty:
        # Both tables are sorted by key, which the planner cannot know of a new table.
        warehouse.execute("set local enable_hashjoin = off")
        customers = warehouse.execute(CUSTOMERS.format(tied=tied, named=BY_KEY)).rowcount
        warehouse.execute("set local enable_hashjoin = on")
        _fill(warehouse, at)
        moved = {}
    else:
        if full:
            warehouse.execute(BEFORE)
        warehouse.execute("analyze assigned")
        warehouse.execute("analyze before")
        warehouse.execute(NAMED)
        warehouse.execute("analyze named")
        customers = warehouse.execute(CUSTOMERS.format(tied=tied, named="named")).rowcount
        warehouse.execute("analyze customers")
        moves = warehouse.execute(MOVES).rowcount
        warehouse.execute("analyze moves")
        warehouse.execute(CHANGE_MEMBERS, at)
        warehouse.execute(ADD_MEMBERS, at)
        warehouse.execute(REMOVE_MEMBERS)
        # Planning the log statement alone takes 0.1 s, so it is skipped if nobody moved.
        moved = merge_log.write(warehouse, at) if moves else {}
    if _has_probable(warehouse):
        warehouse.execute(MARK_PROBABLE.format(where=ALL if full or empty else AFFECTED_MEMBERS))
    new = aliases.write(warehouse, at)
    total = customers if full or empty else _total(warehouse, customers)
    warehouse.execute(
        "update identity.state set customers = %s, must_rebuild = false,"
        " resolved_run_id = %s, resolved_as_of = %s",
        [total, run_id, as_of],
    )
    merged, split = moved.get("merged", 0), moved.get("split", 0)
    return {"total": total, "new": new, "merged": merged, "split": split}


def _fill(warehouse: psycopg.Connection[Any], at: dict[str, Any]) -> None:
    # In the first resolution, building the indexes once is faster than filling them row by row.
    warehouse.execute("alter table identity.members drop constraint members_pkey")
    warehouse.execute("drop index identity.members_region_key")
    # The planner has no statistics of the new tables and would sort them for a merge join.
    warehouse.execute("set local enable_mergejoin = off")
    warehouse.execute(FILL_MEMBERS, at)
    warehouse.execute("set local enable_mergejoin = on")
    warehouse.execute(
        "alter table identity.members add constraint members_pkey"
        " primary key (profile_key) include (region_key)"
    )
    warehouse.execute(
        "create index members_region_key on identity.members (region_key, profile_key)"
        " include (customer_id, profile_id)"
    )


def _has_probable(warehouse: psycopg.Connection[Any]) -> bool:
    row = warehouse.execute(
        "select exists (select from probable)"
        " or exists (select from identity.members where is_probable)"
    ).fetchone()
    return bool(row and row[0])


def _total(warehouse: psycopg.Connection[Any], affected: int) -> int:
    row = warehouse.execute(
        "select customers - (select count(distinct customer_id) from before) from identity.state"
    ).fetchone()
    return affected + int(row[0]) if row else 0


NAMED = """
create temporary table named on commit drop as
select assigned.*, before.profile_id
from assigned
inner join before using (profile_key)
union all
select assigned.*, profiles.profile_id
from assigned
inner join identity.profiles using (profile_key)
where not exists (select from before where before.profile_key = assigned.profile_key)
"""

BY_KEY = "(select * from assigned inner join identity.profiles using (profile_key)) as named"
CUSTOMERS = """
create temporary table customers on commit drop as
with anchors as (
    select label, profile_id from {named} where is_oldest and not is_tied
    {tied}
)

select
    label,
    profile_id as anchor_profile_id,
    'c_' || left(encode(sha256(convert_to(profile_id, 'UTF8')), 'hex'), 20) collate "C"
    as customer_id
from anchors
"""

TIED = """union all
    select assigned.label, min(profiles.profile_id) as profile_id
    from assigned
    inner join identity.profiles using (profile_key)
    where assigned.is_oldest and assigned.is_tied
    group by assigned.label"""

FILL_MEMBERS = """
insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
select
    profiles.profile_id, customers.customer_id, %(as_of)s, profile_key, assigned.region_key
from assigned
inner join identity.profiles using (profile_key)
inner join customers using (label)
"""

BEFORE = """
create temporary table before on commit drop as
select profile_key, profile_id, customer_id, region_key from identity.members
"""

ALL = "true"
# A profile is certain if links other than probable matches connect it to the anchor.
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

AFFECTED_MEMBERS = "members.profile_key in (select profile_key from affected)"

MOVES = """
create temporary table moves on commit drop as
select before.customer_id as from_id, customers.customer_id as to_id, count(*)::integer as profiles
from before
inner join named using (profile_key)
inner join customers using (label)
where before.customer_id <> customers.customer_id
group by 1, 2
"""

# Most members stay. The few that change are found first, before the large table is read.
CHANGE_MEMBERS = """
with changed as materialized (
    select before.profile_key, customers.customer_id, named.region_key
    from before
    inner join named using (profile_key)
    inner join customers using (label)
    where
        (before.customer_id, before.region_key) is distinct from
        (customers.customer_id, named.region_key)
)

update identity.members set
    customer_id = changed.customer_id,
    region_key = changed.region_key,
    as_of = case
        when members.customer_id = changed.customer_id then members.as_of else %(as_of)s
    end
from changed
where members.profile_key = changed.profile_key
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
