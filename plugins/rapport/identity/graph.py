"""Connected components of records and identifiers, with the two rules that see whole components.

Profiles and identifiers are the two kinds of nodes; an edge says that a profile offers an
identifier. Weak identifiers (phones, devices) are looked at last, and left out where they would
join components that each know a marked person (a user id, a confirmed e-mail).

>>> import numpy as np
>>> edges = Edges.of([0, 1, 2], [0, 0, 1], n_profiles=3, n_identifiers=2)
>>> resolve(edges).customer.tolist()
[0, 0, 1]
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[Any]
Flags = NDArray[np.bool_]

KEPT, SHARED, CANNOT_LINK, CONTRADICTED = range(4)
REASONS = ("", "shared_by_several_people", "cannot_link", "contradicts_cannot_link")


@dataclass(frozen=True)
class Edges:
    """Arrays of one length, an entry an edge; codes count from 0."""

    profile: Ints
    identifier: Ints
    weight: Ints
    is_weak: Flags
    is_marker: Flags
    n_profiles: int
    n_identifiers: int

    @classmethod
    def of(
        cls,
        profile: ArrayLike,
        identifier: ArrayLike,
        n_profiles: int,
        n_identifiers: int,
        weight: ArrayLike | None = None,
        is_weak: ArrayLike | None = None,
        is_marker: ArrayLike | None = None,
    ) -> Self:
        """Edges with defaults: of weight 1, strong, no markers."""
        codes = np.asarray(profile, dtype=np.int32)
        return cls(
            codes,
            np.asarray(identifier, dtype=np.int32),
            np.ones(len(codes), np.int32) if weight is None else np.asarray(weight, np.int32),
            np.zeros(len(codes), bool) if is_weak is None else np.asarray(is_weak, bool),
            np.zeros(len(codes), bool) if is_marker is None else np.asarray(is_marker, bool),
            n_profiles,
            n_identifiers,
        )


@dataclass(frozen=True)
class Partition:
    """A label a profile, and why an edge was left out (an index into `REASONS`, 0 where kept).

    `region` is the label that a profile would have if no edge were left out.
    """

    customer: Ints
    region: Ints
    left_out: Ints
    details: dict[int, str] = field(default_factory=dict)


class Apart(NamedTuple):
    """Two profiles (codes) that must not be one customer."""

    a: int
    b: int
    name: str


def resolve(edges: Edges, apart: list[Apart] | None = None) -> Partition:
    """The customers, from the strong edges, then the weak ones, then the pairs kept apart."""
    from rapport.identity.cuts import separate

    left_out = np.zeros(len(edges.profile), np.int8)
    strong = components(edges, ~edges.is_weak)
    weak = np.flatnonzero(edges.is_weak)
    customer = region = strong
    if len(weak):
        region = _joined(edges, weak, strong)
        shared = _shared_identifiers(edges, weak, strong)
        if shared.any():
            left_out[weak[shared[edges.identifier[weak]]]] = SHARED
            customer = _joined(edges, weak[~shared[edges.identifier[weak]]], strong)
        else:
            customer = region
    details: dict[int, str] = {}
    pairs = [pair for pair in apart or [] if customer[pair.a] == customer[pair.b]]
    if pairs:
        details = separate(edges, customer, left_out, pairs)
        customer = components(edges, left_out == KEPT)
    return Partition(customer, region, left_out, details)


def components(edges: Edges, chosen: Flags) -> Ints:
    """The component of each profile over the chosen edges."""
    profile, identifier = edges.profile[chosen], edges.identifier[chosen]
    # An identifier that only one profile offers joins nobody; without it the graph is half as big.
    joins = np.bincount(identifier, minlength=edges.n_identifiers)[identifier] > 1
    labels = _labels(profile[joins], identifier[joins], edges.n_profiles, edges.n_identifiers)
    return labels[: edges.n_profiles]


def _labels(left: Ints, right: Ints, n_left: int, n_right: int) -> Ints:
    used, right = compact(right, n_right)
    nodes = n_left + len(used)
    matrix = coo_matrix((np.ones(len(left), np.int8), (left, right + n_left)), shape=(nodes, nodes))
    labels: Ints = connected_components(matrix, directed=False)[1]
    return labels


def _joined(edges: Edges, weak: Ints, strong: Ints) -> Ints:
    """The components of each profile when weak edges join strong components."""
    n_strong = int(strong.max(initial=-1)) + 1
    labels = _labels(
        strong[edges.profile[weak]], edges.identifier[weak], n_strong, edges.n_identifiers
    )
    return labels[strong]


def _shared_identifiers(edges: Edges, weak: Ints, strong: Ints) -> Flags:
    """The weak identifiers that would join two marked components.

    First those that touch two themselves; where a chain of several still does, all of the chain.
    """
    n_strong = int(strong.max(initial=-1)) + 1
    marked = np.zeros(n_strong, bool)
    marked[strong[edges.profile[edges.is_marker & ~edges.is_weak]]] = True
    touches = np.sort(
        strong[edges.profile[weak]].astype(np.int64) * edges.n_identifiers + edges.identifier[weak]
    )
    touches = touches[np.diff(touches, prepend=-1) > 0]
    component, identifier = np.divmod(touches, max(edges.n_identifiers, 1))
    people = np.bincount(identifier[marked[component]], minlength=edges.n_identifiers)
    shared: Flags = people > 1
    degree = np.bincount(identifier, minlength=edges.n_identifiers)
    kept = ~shared[identifier] & (degree[identifier] > 1)
    component, identifier = component[kept], identifier[kept]
    labels = _labels(component, identifier, n_strong, edges.n_identifiers)[:n_strong]
    crowded = np.bincount(labels, weights=marked) > 1
    shared[identifier[crowded[labels[component]]]] = True
    return shared


def compact(keys: Ints, bound: int) -> tuple[Ints, Ints]:
    """The distinct keys below `bound`, sorted, and for each key its place among them."""
    present = np.zeros(bound, bool)
    present[keys] = True
    distinct = np.flatnonzero(present)
    place = np.zeros(bound, np.int32)
    place[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, place[keys]
