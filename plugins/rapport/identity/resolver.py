"""Resolves identifiers to customers in one transaction, and only where something changed.

The result is the same as that of a full resolution.

>>> resolve(run_id="20260331T030000Z-01", as_of=as_of)  # doctest: +SKIP
{'total': 1893, 'new': 12, 'merged': 1, 'split': 0}
"""

import logging
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from rapport.errors import AlreadyRunning
from rapport.identity import affected_customers, customer_ids, hubs, name_clashes
from rapport.identity.cannot_link import MUST_LINK_WEIGHT
from rapport.identity.column_copy import columns_in, columns_out
from rapport.identity.edges import KEPT, REASONS, Alike, CannotLink, Edges, Partition
from rapport.identity.graph import compact
from rapport.identity.graph import resolve as partition
from rapport.identity.key_tables import connected
from rapport.warehouse import locks

log = logging.getLogger(__name__)

Ints = NDArray[Any]
CACHED = ("seq_page_cost = 0.1", "random_page_cost = 0.1", "max_parallel_workers_per_gather = 0")
LOOK_UP = ("enable_hashjoin = off", "enable_mergejoin = off", "default_statistics_target = 1")
JOIN = ("enable_hashjoin = on", "enable_mergejoin = on")
TABLE = "identity_build.int_identifiers_normalised"
ALL_OFFERED = sql.SQL("""(
    select
        profile_key, coalesce(identifier_key, 0) as identifier_key, anchor_order, strength,
        ctid as row_place
    from identity_build.int_identifiers_normalised
)""")
# The table `offered` already holds the identifiers of the changed profiles.
AFFECTED_OFFERED = sql.SQL("""(
    select profile_key, coalesce(identifier_key, 0) as identifier_key, anchor_order, strength
    from offered
    union all
    select profile_key, coalesce(identifier_key, 0), anchor_order, strength
    from affected
    inner join identity_build.int_identifiers_normalised using (profile_key)
    where not affected.is_changed
)""")
LINKS = """(
    select
        number, key_a, key_b, coalesce(weight, {heaviest}) as weight,
        (kind = 'match')::integer as is_probable
    from override_pairs
    where kind in ('must_link', 'match')
)""".replace("{heaviest}", str(MUST_LINK_WEIGHT))
CANNOT_LINKS = (
    "select key_a, key_b, name from override_pairs where kind = 'cannot_link' order by number"
)
ALIKE = sql.SQL("(select key_a, key_b from override_pairs where kind in ('match', 'support'))")
COMPARED = sql.SQL("(select profile_key from identity.match_records)")
COMPARED_AFFECTED = sql.SQL(
    "(select profile_key from affected inner join identity.match_records using (profile_key))"
)
# What this run filled, for the models after it and for the next run.
ANALYZE = """
analyze identity.members, identity.aliases, identity.cut_edges, identity.capped,
    identity.fingerprints, identity.match_records, identity.match_keys, identity.matches,
    identity.overrides
"""
HUBS = sql.SQL("(select identifier_key from identity.capped)")


def resolve(
    *,
    run_id: str,
    as_of: datetime,
    full: bool = False,
    connection: psycopg.Connection[Any] | None = None,
) -> dict[str, int]:
    """Update members, aliases and the merge log from the normalised identifiers.

    Returns the counts total, new, merged and split. Raises `AlreadyRunning` if another process is
    resolving.
    """
    with connected(connection) as warehouse, warehouse.transaction():
        if not locks.try_turn(warehouse, "identity"):
            raise AlreadyRunning(
                f"identity: another process is resolving customers. Try run {run_id} again later."
            )
        warehouse.execute("set local work_mem = '128MB'")
        warehouse.execute("set local maintenance_work_mem = '256MB'")
        row = warehouse.execute("select must_rebuild from identity.state").fetchone()
        full = full or bool(row and row[0])
        name_clashes.find(warehouse)
        affected_customers.load_overrides(warehouse)
        full = full or affected_customers.is_full_cheaper(warehouse)
        if not full:
            # The few rows that a run looks up are on pages that the models have just read, so
            # index look-ups are faster than scans. Row counts are the only statistics needed.
            _set(warehouse, CACHED + LOOK_UP)
            affected_customers.find(warehouse)
        affected_customers.load_pairs(warehouse, full)
        graph = _read(warehouse, full)
        _set(warehouse, JOIN)
        alike = _alike(warehouse, graph.profile_keys, full)
        result = partition(graph.edges, graph.cannot_links, _match_cap(warehouse), alike)
        has_ties = _write_labels(warehouse, graph, result)
        _write_probable(warehouse, graph, result)
        _write_cuts(warehouse, graph, result, full)
        counts = customer_ids.write(
            warehouse, run_id=run_id, as_of=as_of, full=full, has_ties=has_ties
        )
        affected_customers.mark_resolved(warehouse)
        if len(graph.profile_keys):
            _set(warehouse, ("default_statistics_target to default",))
            warehouse.execute(ANALYZE)
    log.info("identity: run %s: customers resolved: %s", run_id, counts)
    return counts


def _set(warehouse: psycopg.Connection[Any], settings: tuple[str, ...]) -> None:
    for setting in settings:
        warehouse.execute(f"set local {setting}".encode())


class Graph(NamedTuple):
    """The graph as read: the keys behind the codes, the age order of profiles, and the edges."""

    profile_keys: Ints
    identifier_keys: Ints
    anchor_order: Ints
    edges: Edges
    cannot_links: list[CannotLink]


def _read(warehouse: psycopg.Connection[Any], full: bool) -> Graph:
    profile_key, identifier_key, order, strength = columns_out(
        warehouse,
        ("profile_key", "identifier_key", "anchor_order", "strength"),
        ALL_OFFERED if full else AFFECTED_OFFERED,
        slices=(TABLE, "row_place") if full else None,
    )
    profile_keys, profile = codes(profile_key)
    anchor_order = np.full(len(profile_keys), np.iinfo(np.int64).max)
    np.minimum.at(anchor_order, profile, order)
    links = _links(warehouse, profile_keys)
    joins = identifier_key > 0
    identifier_keys, identifier = codes(identifier_key[joins])
    if full:
        is_hub = hubs.count_all(warehouse, identifier_keys, identifier)
    else:
        is_hub = np.isin(identifier_keys, columns_out(warehouse, ("identifier_key",), HUBS)[0])
    joins[joins] = kept = ~is_hub[identifier]
    identifier, strength = identifier[kept], strength[joins]
    # Each must-link and each match becomes an identifier of its own that two profiles share.
    pairs = len(links.number)
    none = np.zeros(2 * pairs, bool)
    edges = Edges(
        profile=np.concatenate([profile[joins], links.ends.ravel()]).astype(np.int32),
        identifier=np.concatenate(
            [identifier, len(identifier_keys) + np.repeat(np.arange(pairs), 2)]
        ).astype(np.int32),
        weight=np.concatenate([strength >> 3, np.repeat(links.weight, 2)]).astype(np.int32),
        is_weak=np.concatenate([(strength & 2) > 0, none]),
        is_marker=np.concatenate([(strength & 1) > 0, none]),
        is_account=np.concatenate([(strength & 4) > 0, none]),
        is_probable=np.concatenate(
            [np.zeros(len(strength), bool), np.repeat(links.is_probable, 2)]
        ),
        n_profiles=len(profile_keys),
        n_identifiers=len(identifier_keys) + pairs,
    )
    keys = np.concatenate([identifier_keys, -links.number])
    cannot_links = _cannot_links(warehouse, profile_keys)
    return Graph(profile_keys, keys, anchor_order, edges, cannot_links)


def codes(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct keys, sorted, and the index of each key among them."""
    bound = int(keys.max(initial=0)) + 1
    if bound <= 20 * len(keys) + 1000:
        return compact(keys, bound)
    distinct, place = np.unique(keys, return_inverse=True)
    return distinct, place.astype(np.int32)


class Links(NamedTuple):
    """Must-links and matches: two profile codes per row, their weight and their number."""

    ends: Ints
    weight: Ints
    is_probable: Ints
    number: Ints


def _links(warehouse: psycopg.Connection[Any], profile_keys: Ints) -> Links:
    names = ("number", "key_a", "key_b", "weight", "is_probable")
    number, key_a, key_b, weight, probable = columns_out(warehouse, names, sql.SQL(LINKS))
    ends = np.column_stack([np.searchsorted(profile_keys, key) for key in (key_a, key_b)])
    exist = _both_exist(profile_keys, ends, np.column_stack([key_a, key_b]))
    return Links(ends[exist], weight[exist], probable[exist] > 0, number[exist])


def _alike(warehouse: psycopg.Connection[Any], profile_keys: Ints, full: bool) -> Alike:
    """The pairs that matching found alike, and which profiles it compared."""
    key_a, key_b = columns_out(warehouse, ("key_a", "key_b"), ALIKE)
    keys = np.column_stack([key_a, key_b])
    ends = np.searchsorted(profile_keys, keys)
    found = columns_out(warehouse, ("profile_key",), COMPARED if full else COMPARED_AFFECTED)[0]
    return Alike(
        ends[_both_exist(profile_keys, ends, keys)],
        np.isin(profile_keys, found, assume_unique=True),
    )


def _cannot_links(warehouse: psycopg.Connection[Any], profile_keys: Ints) -> list[CannotLink]:
    rows = warehouse.execute(CANNOT_LINKS).fetchall()
    keys = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    ends = np.searchsorted(profile_keys, keys)
    exist = _both_exist(profile_keys, ends, keys)
    return [
        CannotLink(int(a), int(b), name)
        for (a, b), (_, _, name), known in zip(ends, rows, exist, strict=True)
        if known
    ]


def _both_exist(profile_keys: Ints, ends: Ints, keys: Ints) -> Ints:
    """Whether both profiles of each pair exist: a record may not have landed yet, or be gone."""
    inside: Ints = np.asarray(ends < len(profile_keys))
    found: Ints = inside.copy()
    found[inside] = profile_keys[ends[inside]] == keys[inside]
    exist: Ints = np.logical_and.reduce(found, axis=1)
    return exist


def _match_cap(warehouse: psycopg.Connection[Any]) -> int:
    row = warehouse.execute("select cap from identity.rules where identifier_type = 'match'")
    found = row.fetchone()
    return int(found[0]) if found else 1


def _write_labels(warehouse: psycopg.Connection[Any], graph: Graph, result: Partition) -> bool:
    """Write each profile's label and whether it is the oldest; returns whether any oldest tie."""
    n_labels = int(result.customer.max(initial=-1)) + 1
    oldest = np.full(n_labels, np.iinfo(np.int64).max)
    np.minimum.at(oldest, result.customer, graph.anchor_order)
    n_regions = int(result.region.max(initial=-1)) + 1
    region_key = np.full(n_regions, np.iinfo(np.int64).max)
    np.minimum.at(region_key, result.region, graph.profile_keys)
    is_oldest = graph.anchor_order == oldest[result.customer]
    ties = np.bincount(result.customer[is_oldest], minlength=n_labels)
    warehouse.execute(customer_ids.ASSIGNED)
    columns_in(
        warehouse,
        sql.Identifier("assigned"),
        [
            graph.profile_keys,
            result.customer,
            region_key[result.region],
            is_oldest,
            ties[result.customer] > 1,
        ],
    )
    return bool((ties > 1).any())


def _write_probable(warehouse: psycopg.Connection[Any], graph: Graph, result: Partition) -> None:
    """Write the profiles of customers that a match holds together, with their certain label."""
    warehouse.execute(customer_ids.PROBABLE)
    if result.certain is None or not len(result.customer):
        return
    first = np.full(int(result.customer.max()) + 1, -1)
    first[result.customer] = result.certain
    mixed = np.zeros(len(first), bool)
    mixed[result.customer[first[result.customer] != result.certain]] = True
    chosen = mixed[result.customer]
    columns_in(
        warehouse,
        sql.Identifier("probable"),
        [graph.profile_keys[chosen], result.certain[chosen].astype(np.int64)],
    )


def _write_cuts(
    warehouse: psycopg.Connection[Any], graph: Graph, result: Partition, full: bool
) -> None:
    if full:
        warehouse.execute("delete from identity.cut_edges")
    else:
        warehouse.execute(
            "delete from identity.cut_edges using affected"
            " where cut_edges.profile_key = affected.profile_key"
        )
    cut = np.flatnonzero(result.left_out != KEPT)
    if not len(cut):
        return
    warehouse.execute(customer_ids.CUT)
    columns_in(
        warehouse,
        sql.Identifier("cut"),
        [
            graph.profile_keys[graph.edges.profile[cut]],
            graph.identifier_keys[graph.edges.identifier[cut]],
            result.left_out[cut].astype(np.int64),
            cut,
        ],
    )
    for number, reason in enumerate(REASONS):
        warehouse.execute(customer_ids.WRITE_CUTS, {"number": number, "reason": reason})
    for edge, name in result.details.items():
        warehouse.execute(customer_ids.NAME_CUT, {"edge": edge, "name": name})
    warehouse.execute(customer_ids.NAME_MATCHES)
