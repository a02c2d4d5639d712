"""From edges to customers: one transaction, only what changed, the same as from scratch.

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
from rapport.identity import ledger, touched
from rapport.identity.cuts import MUST_LINK_WEIGHT
from rapport.identity.dictionary import connected
from rapport.identity.exchange import columns_in, columns_out
from rapport.identity.graph import KEPT, REASONS, Apart, Edges, Partition, compact
from rapport.identity.graph import resolve as partition

log = logging.getLogger(__name__)

Ints = NDArray[Any]
LOCK = 5_120_733_402  # any number, the same for everybody
TABLE = "identity_build.int_identifiers_normalised"
OFFERED = """(
    select
        profile_key,
        coalesce(identifier_key, 0) as identifier_key,
        anchor_order,
        strength,
        ctid as row_place
    from identity_build.int_identifiers_normalised
    {only}
)"""
HUBS = "(select identifier_key from identity_build.int_identifiers_capped where is_capped)"


def resolve(
    *,
    run_id: str,
    as_of: datetime,
    full: bool = False,
    connection: psycopg.Connection[Any] | None = None,
) -> dict[str, int]:
    """Bring members, aliases and the merge log up to date with the guarded identifiers."""
    with connected(connection) as warehouse, warehouse.transaction():
        row = warehouse.execute("select pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if not (row and row[0]):
            raise AlreadyRunning(f"identity: another process resolves. {run_id} can try later.")
        warehouse.execute("set local work_mem = '128MB'")
        warehouse.execute("set local maintenance_work_mem = '256MB'")
        row = warehouse.execute("select must_rebuild from identity.state").fetchone()
        full = full or bool(row and row[0])
        touched.load_overrides(warehouse)
        if not full:
            touched.find(warehouse)
        graph = _read(warehouse, full)
        result = partition(graph.edges, graph.apart)
        _write_labels(warehouse, graph, result)
        _write_cuts(warehouse, graph, result, full)
        counts = ledger.write(warehouse, run_id=run_id, as_of=as_of, full=full)
        touched.forget(warehouse)
    log.info("identity: %s: %s", run_id, counts)
    return counts


class Graph(NamedTuple):
    """What was read: the keys behind the codes, each profile's place in age, and the edges."""

    profile_keys: Ints
    identifier_keys: Ints
    anchor_order: Ints
    edges: Edges
    apart: list[Apart]


def _read(warehouse: psycopg.Connection[Any], full: bool) -> Graph:
    only = "" if full else "where profile_key in (select profile_key from touched)"
    profile_key, identifier_key, order, strength = columns_out(
        warehouse,
        ("profile_key", "identifier_key", "anchor_order", "strength"),
        sql.SQL(OFFERED).format(only=sql.SQL(only)),
        slices=(TABLE, "row_place") if full else None,
    )
    profile_keys, profile = codes(profile_key)
    anchor_order = np.full(len(profile_keys), np.iinfo(np.int64).max)
    np.minimum.at(anchor_order, profile, order)
    links, apart = _overrides(warehouse, profile_keys)
    [hubs] = columns_out(warehouse, ("identifier_key",), sql.SQL(HUBS))
    joins = (identifier_key > 0) & ~np.isin(identifier_key, hubs)
    identifier_keys, identifier = codes(identifier_key[joins])
    strength = strength[joins]
    # Each reviewed or probable link is an identifier of its own that two profiles offer.
    pairs = len(links)
    edges = Edges(
        profile=np.concatenate([profile[joins], links[:, :2].ravel()]).astype(np.int32),
        identifier=np.concatenate(
            [identifier, len(identifier_keys) + np.repeat(np.arange(pairs), 2)]
        ).astype(np.int32),
        weight=np.concatenate([strength >> 2, np.repeat(links[:, 2], 2)]).astype(np.int32),
        is_weak=np.concatenate([(strength & 2) > 0, np.repeat(links[:, 2] < MUST_LINK_WEIGHT, 2)]),
        is_marker=np.concatenate([(strength & 1) > 0, np.zeros(2 * pairs, bool)]),
        n_profiles=len(profile_keys),
        n_identifiers=len(identifier_keys) + pairs,
    )
    keys = np.concatenate([identifier_keys, links[:, 3]])
    return Graph(profile_keys, keys, anchor_order, edges, apart)


def codes(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct keys, sorted, and for each key its place among them."""
    bound = int(keys.max(initial=0)) + 1
    if bound <= 20 * len(keys) + 1000:
        return compact(keys, bound)
    distinct, place = np.unique(keys, return_inverse=True)
    return distinct, place.astype(np.int32)


def _overrides(warehouse: psycopg.Connection[Any], profile_keys: Ints) -> tuple[Ints, list[Apart]]:
    links: list[tuple[int, int, int, int]] = []
    apart: list[Apart] = []
    rows = warehouse.execute(touched.PAIRS).fetchall()
    for number, (kind, key_a, key_b, name, weight) in enumerate(rows, start=1):
        a, b = (int(place) for place in np.searchsorted(profile_keys, [key_a, key_b]))
        found = max(a, b) < len(profile_keys)
        if not found or profile_keys[a] != key_a or profile_keys[b] != key_b:
            continue
        if kind == "cannot_link":
            apart.append(Apart(a, b, name))
        else:
            links.append((a, b, weight or MUST_LINK_WEIGHT, -number))
    return np.array(links, np.int64).reshape(-1, 4), apart


def _write_labels(warehouse: psycopg.Connection[Any], graph: Graph, result: Partition) -> None:
    n_labels = int(result.customer.max(initial=-1)) + 1
    oldest = np.full(n_labels, np.iinfo(np.int64).max)
    np.minimum.at(oldest, result.customer, graph.anchor_order)
    n_regions = int(result.region.max(initial=-1)) + 1
    region_key = np.full(n_regions, np.iinfo(np.int64).max)
    np.minimum.at(region_key, result.region, graph.profile_keys)
    is_oldest = graph.anchor_order == oldest[result.customer]
    ties = np.bincount(result.customer[is_oldest], minlength=n_labels)
    warehouse.execute(ledger.ASSIGNED)
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


def _write_cuts(
    warehouse: psycopg.Connection[Any], graph: Graph, result: Partition, full: bool
) -> None:
    if full:
        warehouse.execute("delete from identity.cut_edges")
    else:
        warehouse.execute(
            "delete from identity.cut_edges using touched"
            " where cut_edges.profile_key = touched.profile_key"
        )
    cut = np.flatnonzero(result.left_out != KEPT)
    if not len(cut):
        return
    warehouse.execute(ledger.CUT)
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
        warehouse.execute(ledger.WRITE_CUTS, {"number": number, "reason": reason})
    for edge, name in result.details.items():
        warehouse.execute(ledger.NAME_CUT, {"edge": edge, "name": name})
