"""Connected components of records and identifiers, with the rules that see whole components.

Profiles and identifiers are the two kinds of nodes; an edge says that a profile offers an
identifier. Weak identifiers (phones, devices) are looked at after the strong ones, and left out
where they would join components that each know a marked person (a user id, a confirmed e-mail).
Probable matches come last, and are left out where they would join two accounts.

>>> from rapport.identity.edges import Edges
>>> edges = Edges.of([0, 1, 2], [0, 0, 1], n_profiles=3, n_identifiers=2)
>>> resolve(edges).customer.tolist()
[0, 0, 1]
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rapport.identity.edges import AMBIGUOUS, KEPT, SHARED, Apart, Edges, Flags, Ints, Partition
from rapport.identity.separation import separate


def resolve(edges: Edges, apart: list[Apart] | None = None, most_matched: int = 8) -> Partition:
    """The customers: strong edges, then weak ones, then probable ones, then pairs kept apart.

    A chain of matches that would join more than `most_matched` components joins nobody.
    """
    left_out = np.zeros(len(edges.profile), np.int8)
    customer = region = components(edges, ~(edges.is_weak | edges.is_probable))
    weak = np.flatnonzero(edges.is_weak)
    if len(weak):
        markers = _marked(edges, customer, edges.is_marker & ~edges.is_weak)
        shared = _crowding(edges, weak, customer, markers)
        region = _joined(edges, weak, region)
        left_out[weak[shared]] = SHARED
        customer = _joined(edges, weak[~shared], customer) if shared.any() else region
    certain = None
    probable = np.flatnonzero(edges.is_probable)
    if len(probable):
        certain = customer
        accounts = _marked(edges, customer, edges.is_account)
        ambiguous = _crowding(edges, probable, customer, accounts, most_matched)
        region = _joined(edges, probable, region)
        left_out[probable[ambiguous]] = AMBIGUOUS
        customer = _joined(edges, probable[~ambiguous], customer)
    details: dict[int, str] = {}
    pairs = [pair for pair in apart or [] if customer[pair.a] == customer[pair.b]]
    if pairs:
        details = separate(edges, customer, left_out, pairs)
        customer = components(edges, left_out == KEPT)
        if certain is not None:
            certain = components(edges, (left_out == KEPT) & ~edges.is_probable)
    return Partition(customer, region, left_out, details, certain)


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


def _joined(edges: Edges, chosen: Ints, base: Ints) -> Ints:
    """The components of each profile when the chosen edges join the components of `base`."""
    n_base = int(base.max(initial=-1)) + 1
    labels = _labels(
        base[edges.profile[chosen]], edges.identifier[chosen], n_base, edges.n_identifiers
    )
    return labels[base]


def _marked(edges: Edges, base: Ints, chosen: Flags) -> Flags:
    marked = np.zeros(int(base.max(initial=-1)) + 1, bool)
    marked[base[edges.profile[chosen]]] = True
    return marked


def _crowding(
    edges: Edges, chosen: Ints, base: Ints, marked: Flags, most: int | None = None
) -> Flags:
    """Which of the chosen edges must not join components: those of crowded identifiers.

    An identifier is crowded that would join two marked components; first those that touch two
    themselves, then, where a chain of several still joins two (or more than `most`), the chain.
    """
    n_base = len(marked)
    touches = np.sort(
        base[edges.profile[chosen]].astype(np.int64) * edges.n_identifiers
        + edges.identifier[chosen]
    )
    touches = touches[np.diff(touches, prepend=-1) > 0]
    component, identifier = np.divmod(touches, max(edges.n_identifiers, 1))
    people = np.bincount(identifier[marked[component]], minlength=edges.n_identifiers)
    crowded: Flags = people > 1
    degree = np.bincount(identifier, minlength=edges.n_identifiers)
    kept = ~crowded[identifier] & (degree[identifier] > 1)
    component, identifier = component[kept], identifier[kept]
    labels = _labels(component, identifier, n_base, edges.n_identifiers)[:n_base]
    too_many = np.bincount(labels, weights=marked) > 1
    if most is not None:
        too_many |= np.bincount(labels) > most
    crowded[identifier[too_many[labels[component]]]] = True
    verdict: Flags = crowded[edges.identifier[chosen]]
    return verdict


def compact(keys: Ints, bound: int) -> tuple[Ints, Ints]:
    """The distinct keys below `bound`, sorted, and for each key its place among them."""
    present = np.zeros(bound, bool)
    present[keys] = True
    distinct = np.flatnonzero(present)
    place = np.zeros(bound, np.int32)
    place[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, place[keys]
