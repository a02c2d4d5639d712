"""Identity as a picture: records on the left, what they share on the right, a line for each edge.

>>> draw(connection, "c_1", with_values=False).edges[:1]  # doctest: +SKIP
[(0, 0)]
"""

from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row

from rapport.identity.contact_keys import masked
from rapport.pages.database import Connection

MOST = 24
ROW = 30
LEFT, RIGHT, WIDTH, EDGE = 4, 470, 820, 330


@dataclass(frozen=True, slots=True)
class Node:
    """A record or an identifier; a value that may not be seen is left out."""

    kind: str
    text: str
    degree: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw; `edges` are places in `records` and `identifiers`, `left_out` is of both."""

    records: list[Node] = field(default_factory=list)
    identifiers: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    left_out: int = 0

    @property
    def height(self) -> int:
        """In pixels."""
        return max(len(self.records), len(self.identifiers), 1) * ROW + 12


def draw(
    connection: Connection, customer_id: str, *, with_values: bool, most: int = MOST
) -> Picture:
    """The records of a customer and the identifiers that two of them share or one offers alone."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(RECORDS, {"id": customer_id, "most": most + 1})
        members = cursor.fetchall()
        shown = members[:most]
        keys = [row["profile_key"] for row in shown]
        edges = cursor.execute(EDGES, {"keys": keys, "most": most * 8}).fetchall()
    sharing: dict[int, list[dict[str, Any]]] = {}
    for edge in edges:
        sharing.setdefault(edge["identifier_key"], []).append(edge)
    order = sorted(sharing, key=lambda key: (-len(sharing[key]), -sharing[key][0]["weight"], key))
    kept = order[:most]
    place = {key: number for number, key in enumerate(keys)}
    identifiers = [
        Node(
            kind=sharing[key][0]["identifier_type"],
            text=_cut(sharing[key][0]["normal_form"]) if with_values else "",
            degree=len(sharing[key]),
        )
        for key in kept
    ]
    return Picture(
        records=[Node(_source(row["profile_id"]), _record(row["profile_id"], with_values))
                 for row in shown],
        identifiers=identifiers,
        edges=[
            (place[edge["profile_key"]], number)
            for number, key in enumerate(kept)
            for edge in sharing[key]
        ],
        left_out=len(members) - len(shown) + len(order) - len(kept),
    )  # fmt: skip


def _source(profile_id: str) -> str:
    return profile_id.partition(":")[0]


def _record(profile_id: str, with_values: bool) -> str:
    shown = profile_id if with_values else masked(profile_id)
    return _cut(shown.partition(":")[2])


def _cut(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


RECORDS = """
select members.profile_key, members.profile_id
from identity.members
where
    region_key in (
        select mine.region_key
        from identity.aliases
        inner join identity.profiles on aliases.anchor_profile_id = profiles.profile_id
        inner join identity.members as mine using (profile_key)
        where aliases.alias_id = %(id)s
    )
    and members.customer_id = %(id)s
order by members.profile_id
limit %(most)s
"""

EDGES = """
select edges.profile_key, edges.identifier_key, edges.identifier_type, edges.weight,
    identifiers.normal_form
from identity_build.int_identity_edges as edges
inner join identity.identifiers using (identifier_key)
where edges.profile_key = any(%(keys)s)
order by edges.profile_key, edges.identifier_key
limit %(most)s
"""
