"""Enforces cannot-link pairs by removing the edges with the least total weight that join them.

The result is the minimum cut that is nearest to the first profile. It is unique (Ford and Fulkerson
1962, corollary 5.4), so it does not depend on the order of the edges.

>>> separate(edges, customer, left_out, [CannotLink(0, 1, "a and b")])  # doctest: +SKIP
{17: 'a and b'}
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from rapport.identity.edges import CANNOT_LINK, CONTRADICTED, KEPT, CannotLink, Edges

Ints = NDArray[Any]

MUST_LINK_WEIGHT = 1_000_000
"""More than all other edges of a customer weigh together, so a must-link is cut last."""


def separate(
    edges: Edges, customer: Ints, left_out: Ints, pairs: list[CannotLink]
) -> dict[int, str]:
    """Mark in `left_out` the edges to cut so that no pair is joined; returns {edge: pair name}.

    Pairs are separated in the order of their names, each on the edges that are left.
    """
    details: dict[int, str] = {}
    for label in sorted({int(customer[pair.a]) for pair in pairs}):
        inside = np.flatnonzero((customer[edges.profile] == label) & (left_out == KEPT))
        mine = [pair for pair in pairs if customer[pair.a] == label]
        for pair in sorted(mine, key=lambda pair: pair.name):
            for edge in _cut(edges, inside[left_out[inside] == KEPT], pair):
                heavy = edges.weight[edge] >= MUST_LINK_WEIGHT
                left_out[edge] = CONTRADICTED if heavy else CANNOT_LINK
                details[int(edge)] = pair.name
    return details


def _cut(edges: Edges, inside: Ints, pair: CannotLink) -> Ints:
    if not len(inside):
        return inside
    profiles, left = np.unique(edges.profile[inside], return_inverse=True)
    identifiers, right = np.unique(edges.identifier[inside], return_inverse=True)
    nodes = len(profiles) + len(identifiers)
    ends = np.searchsorted(profiles, [pair.a, pair.b])
    if not np.array_equal(profiles[np.minimum(ends, len(profiles) - 1)], pair[:2]):
        return inside[:0]
    right = right + len(profiles)
    weight = edges.weight[inside]
    capacity = coo_matrix(
        (np.tile(weight, 2), (np.concatenate([left, right]), np.concatenate([right, left]))),
        shape=(nodes, nodes),
        dtype=np.int32,
    ).tocsr()
    labels = connected_components(capacity, directed=False)[1]
    if labels[ends[0]] != labels[ends[1]]:
        return inside[:0]
    flow = maximum_flow(capacity, int(ends[0]), int(ends[1])).flow
    residual = csr_matrix(capacity - flow)
    residual.eliminate_zeros()
    near = np.zeros(nodes, bool)
    near[breadth_first_order(residual, int(ends[0]), return_predecessors=False)] = True
    crossing: Ints = inside[near[left] != near[right]]
    return crossing
