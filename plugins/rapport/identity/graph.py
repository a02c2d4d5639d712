"""The connected components of profiles and identifiers, with guards that look at components.

Profiles and identifiers are the two kinds of nodes. An edge says that a profile has an identifier.
Strong identifiers are joined first. Weak ones (phones, devices) come second and are left out if
they would join two components that each have a marker (a user id, a confirmed e-mail). Probable
matches come last and are left out if few other records of the two components are alike, or if they
would join two accounts.

>>> from rapport.identity.edges import Edges
>>> edges = Edges.of([0, 1, 2], [0, 0, 1], n_profiles=3, n_identifiers=2)
>>> resolve(edges).customer.tolist()
[0, 0, 1]
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rapport.identity.agreement import contradicted
from rapport.identity.cannot_link import separate
from rapport.identity.edges import (
    AMBIGUOUS,
    KEPT,
    SHARED,
    Alike,
    CannotLink,
    Edges,
    Flags,
    Ints,
    Partition,
)


def resolve(
    edges: Edges,
    cannot_links: list[CannotLink] | None = None,
    match_cap: int = 8,
    alike: Alike | None = None,
) -> Partition:
    """Join strong, weak and probable edges in this order, then apply `cannot_links`.

    Matches join at most `match_cap` components. Without `alike`, only the linked pairs are alike.
    """
    left_out = np.zeros(len(edges.profile), np.int8)
    customer = region = components(edges, ~(edges.is_weak | edges.is_probable))
    weak = np.flatnonzero(edges.is_weak)
    if len(weak):
        markers = _marked(edges, customer, edges.is_marker & ~edges.is_weak)
        shared = _conflicting(edges, weak, customer, markers)
        region = _joined(edges, weak, region)
        left_out[weak[shared]] = SHARED
        customer = _joined(edges, weak[~shared], customer) if shared.any() else region
    certain = None
    probable = np.flatnonzero(edges.is_probable)
    if len(probable):
        certain = customer
        ambiguous = contradicted(edges, probable, customer, alike, match_cap)
        accounts = _marked(edges, customer, edges.is_account)
        ambiguous[~ambiguous] = _conflicting(edges, probable[~ambiguous], customer, accounts)
        region = _joined(edges, probable, region)
        left_out[probable[ambiguous]] = AMBIGUOUS
        customer = _joined(edges, probable[~ambiguous], customer)
    details: dict[int, str] = {}
    pairs = [pair for pair in cannot_links or [] if customer[pair.a] == customer[pair.b]]
    if pairs:
        details = separate(edges, customer, left_out, pairs)
        customer = components(edges, left_out == KEPT)
        if certain is not None:
            certain = components(edges, (left_out == KEPT) & ~edges.is_probable)
    return Partition(customer, region, left_out, details, certain)


def components(edges: Edges, chosen: Flags) -> Ints:
    """The component of each profile over the chosen edges."""
    profile, identifier = edges.profile[chosen], edges.identifier[chosen]
    # An identifier of one profile only joins nothing. Without these, the graph is half as large.
    joins = np.bincount(identifier, minlength=edges.n_identifiers)[identifier] > 1
    labels = _labels(profile[joins], identifier[joins], edges.n_profiles, edges.n_identifiers)
    return labels[: edges.n_profiles]


def _labels(left: Ints, right: Ints, n_left: int, n_right: int) -> Ints:
    used, right = compact(right, n_right)
    nodes = n_left + len(used)
    matrix = coo_matrix((np.ones(len(left), np.int8), (left, right + n_left)), shape=(nodes, nodes))
    labels: Ints = connected_components(matrix, directed=False)[1]
    return labels


def _joined(edges: Edges, chosen: Ints, base: Ints) -> Ints:
    """The component of each profile after the chosen edges have joined components of `base`."""
    n_base = int(base.max(initial=-1)) + 1
    labels = _labels(
        base[edges.profile[chosen]], edges.identifier[chosen], n_base, edges.n_identifiers
    )
    return labels[base]


def _marked(edges: Edges, base: Ints, chosen: Flags) -> Flags:
    marked = np.zeros(int(base.max(initial=-1)) + 1, bool)
    marked[base[edges.profile[chosen]]] = True
    return marked


def _conflicting(edges: Edges, chosen: Ints, base: Ints, marked: Flags) -> Flags:
    """Which of the chosen edges to leave out because they would join two marked components.

    First, an identifier that touches two marked components itself is left out. Then, a chain of
    identifiers that still joins two of them is left out whole.
    """
    n_base = len(marked)
    touches = np.sort(
        base[edges.profile[chosen]].astype(np.int64) * edges.n_identifiers
        + edges.identifier[chosen]
    )
    touches = touches[np.diff(touches, prepend=-1) > 0]
    component, identifier = np.divmod(touches, max(edges.n_identifiers, 1))
    people = np.bincount(identifier[marked[component]], minlength=edges.n_identifiers)
    conflicting: Flags = people > 1
    degree = np.bincount(identifier, minlength=edges.n_identifiers)
    kept = ~conflicting[identifier] & (degree[identifier] > 1)
    component, identifier = component[kept], identifier[kept]
    labels = _labels(component, identifier, n_base, edges.n_identifiers)[:n_base]
    too_many = np.bincount(labels, weights=marked) > 1
    conflicting[identifier[too_many[labels[component]]]] = True
    verdict: Flags = conflicting[edges.identifier[chosen]]
    return verdict


def compact(keys: Ints, bound: int) -> tuple[Ints, Ints]:
    """The distinct keys below `bound`, sorted, and the index of each key among them."""
    present = np.zeros(bound, bool)
    present[keys] = True
    distinct = np.flatnonzero(present)
    place = np.zeros(bound, np.int32)
    place[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, place[keys]
