"""Explains why two records are one customer, or why they are not.

>>> explain(connection, "crm:contacts:1", "desk:users:7")["is_same"]  # doctest: +SKIP
True
"""

from collections import deque
from typing import Any, NamedTuple

import psycopg

from rapport.errors import ConfigError

Warehouse = psycopg.Connection[Any]


class Link(NamedTuple):
    """An identifier, a reviewed pair or a probable match that two records share."""

    kind: str
    value: str
    weight: int


def explain(warehouse: Warehouse, a: str, b: str) -> dict[str, Any]:
    """The shortest path of links between two records; of several, the one with the most weight.

    `a` and `b` are profile ids or customer ids, including former ones. If there is no path,
    `shared` lists the identifiers that both have and why each does not link. Raises `ConfigError`
    for an unknown id.
    """
    one, other = profile_of(warehouse, a), profile_of(warehouse, b)
    customers = [_customer_of(warehouse, profile) for profile in (one, other)]
    path = _path(_neighbours(warehouse, one), one, other) if customers[0] == customers[1] else []
    return {
        "a": one,
        "b": other,
        "customer_a": customers[0],
        "customer_b": customers[1],
        "is_same": customers[0] == customers[1],
        "is_certain": all(step["link"] != "match" for step in path),
        "path": path,
        "shared": _shared(warehouse, one, other),
    }


def profile_of(warehouse: Warehouse, name: str) -> str:
    """The profile id that `name` stands for: `name` itself, or the anchor of the customer."""
    row = warehouse.execute(PROFILE, {"name": name}).fetchone()
    if row is None:
        raise ConfigError(
            f"identity: there is no profile or customer {name!r}. A profile id looks like "
            "crm:contacts:42, a customer id like c_ and 20 digits."
        )
    return str(row[0])


def _customer_of(warehouse: Warehouse, profile: str) -> str:
    row = warehouse.execute(CUSTOMER, [profile]).fetchone()
    if row is None:
        raise ConfigError(
            f"identity: the record {profile!r} was deleted at its source and has no customer."
        )
    return str(row[0])


def _neighbours(warehouse: Warehouse, profile: str) -> dict[str, dict[Link, set[str]]]:
    """The links of each profile of the customer, and the profiles that share each link."""
    sharing: dict[Link, set[str]] = {}
    for member, kind, value, weight in warehouse.execute(EDGES, {"profile": profile}):
        sharing.setdefault(Link(kind, value, weight), set()).add(member)
    neighbours: dict[str, dict[Link, set[str]]] = {}
    for link, members in sharing.items():
        for member in members:
            neighbours.setdefault(member, {})[link] = members
    return neighbours


def _path(
    neighbours: dict[str, dict[Link, set[str]]], start: str, end: str
) -> list[dict[str, Any]]:
    previous: dict[str, tuple[str, Link] | None] = {start: None}
    queue = deque([start])
    while queue and end not in previous:
        profile = queue.popleft()
        links = neighbours.get(profile, {})
        for link in sorted(links, key=lambda link: (-link.weight, link)):
            for member in sorted(links[link]):
                if member not in previous:
                    previous[member] = (profile, link)
                    queue.append(member)
            # All profiles of this link are now in the queue, so it need not be followed again.
            links[link].clear()
    path: list[dict[str, Any]] = []
    step = previous.get(end)
    while step is not None:
        profile, link = step
        path.append(
            {"from": profile, "to": end, "link": link.kind, "value": link.value}
            | {"weight": link.weight}
        )
        end, step = profile, previous[profile]
    return path[::-1]


def _shared(warehouse: Warehouse, one: str, other: str) -> list[dict[str, Any]]:
    cursor = warehouse.execute(SHARED, {"one": one, "other": other})
    return [
        {"link": kind, "value": value, "reason": reason}
        for kind, value, reason in cursor.fetchall()
    ]


PROFILE = """
select coalesce(
    (select profile_id from identity.profiles where profile_id = %(name)s),
    (
        select current.anchor_profile_id
        from identity.aliases
        inner join identity.aliases as current on current.alias_id = aliases.customer_id
        where aliases.alias_id = %(name)s
    )
) as profile_id
where
    exists (select from identity.profiles where profile_id = %(name)s)
    or exists (select from identity.aliases where alias_id = %(name)s)
"""

CUSTOMER = """
select members.customer_id
from identity.profiles
inner join identity.members using (profile_key)
where profiles.profile_id = %s
"""

EDGES = """
with mine as (
    select members.profile_key, members.profile_id
    from identity.profiles
    inner join identity.members as me using (profile_key)
    inner join identity.members using (region_key)
    where profiles.profile_id = %(profile)s and members.customer_id = me.customer_id
)

select mine.profile_id, edges.identifier_type, identifiers.normal_form, edges.weight
from mine
inner join identity_build.int_identity_edges as edges using (profile_key)
inner join identity.identifiers using (identifier_key)
union all
select
    mine.profile_id,
    overrides.kind,
    overrides.profile_a || ' and ' || overrides.profile_b
    || coalesce(', probability ' || round(matches.probability::numeric, 3), ''),
    case overrides.kind when 'must_link' then 1000000 else 1 end
from identity.overrides
left join identity.matches using (profile_a, profile_b)
inner join mine on mine.profile_id in (overrides.profile_a, overrides.profile_b)
where overrides.kind <> 'cannot_link'
"""

SHARED = """
with offered as (
    select
        profiles.profile_id, guarded.identifier_type, guarded.identifier_key,
        coalesce(guarded.reason, cut_edges.reason, '') as reason
    from identity.profiles
    inner join identity_build.int_identifiers_guarded as guarded using (profile_key)
    left join identity.cut_edges using (profile_key, identifier_key)
    where profiles.profile_id in (%(one)s, %(other)s) and guarded.identifier_key is not null
)

select mine.identifier_type, identifiers.normal_form, greatest(mine.reason, theirs.reason)
from offered as mine
inner join offered as theirs using (identifier_key)
inner join identity.identifiers using (identifier_key)
where mine.profile_id = %(one)s and theirs.profile_id = %(other)s
order by 1, 2
"""
