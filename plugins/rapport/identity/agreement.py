"""Leaves out the probable matches that the other records of the two customers speak against.

One odd record may look like two people. Therefore two components are joined only if a share of all
pairs between their records are alike, not one pair alone (average linkage). The most alike
components are joined first.

>>> edges = Edges.of([0, 1], [0, 0], 2, 1, is_probable=[True, True])
>>> contradicted(edges, np.array([0, 1]), np.array([0, 1]), None, most=8).tolist()
[False, False]
"""

from collections import Counter, defaultdict

import numpy as np

from rapport.identity.edges import Alike, Edges, Flags, Ints

LEAST_ALIKE = 0.25
"""The share of pairs between two components that must be alike."""


def contradicted(edges: Edges, probable: Ints, base: Ints, alike: Alike | None, most: int) -> Flags:
    """Which of the probable edges to leave out; every match has two edges.

    `base` is the component of each profile without matches. No more than `most` components are
    joined.
    """
    left_out = np.zeros(len(probable), bool)
    order = np.argsort(edges.identifier[probable], kind="stable")
    first, second = order[0::2], order[1::2]
    one = base[edges.profile[probable[first]]]
    other = base[edges.profile[probable[second]]]
    apart = one != other
    first, second, one, other = first[apart], second[apart], one[apart], other[apart]
    if not len(first):
        return left_out
    if alike is None:
        pairs = np.column_stack([one, other])
        sizes = np.ones(int(base.max()) + 1)
    else:
        pairs = base[alike.pairs]
        sizes = np.maximum(np.bincount(base[alike.is_compared], minlength=int(base.max()) + 1), 1)
    chains = _Chains(pairs, sizes, most)
    weight = edges.weight[probable[first]]
    ends = list(zip(one.tolist(), other.tolist(), strict=True))
    share = np.array([chains.share(*pair) for pair in ends])
    for place in np.lexsort((edges.identifier[probable[first]], -weight, -share)).tolist():
        if not chains.join(*ends[place]):
            left_out[[first[place], second[place]]] = True
    return left_out


class _Chains:
    """Components that matches join, with how many of their records are alike."""

    def __init__(self, pairs: Ints, sizes: Ints, most: int) -> None:
        self.sizes = sizes
        self.most = most
        self.parents: dict[int, int] = {}
        self.parts: Counter[int] = Counter()
        self.records: dict[int, float] = {}
        self.alike: dict[int, Counter[int]] = defaultdict(Counter)
        across = pairs[pairs[:, 0] != pairs[:, 1]]
        if not len(across):
            return
        distinct, counts = np.unique(np.sort(across, axis=1), axis=0, return_counts=True)
        for (a, b), count in zip(distinct.tolist(), counts.tolist(), strict=True):
            self.alike[a][b] = self.alike[b][a] = count

    def root(self, component: int) -> int:
        while (parent := self.parents.get(component, component)) != component:
            self.parents[component] = self.parents.get(parent, parent)
            component = parent
        return component

    def size(self, root: int) -> float:
        return self.records.get(root, float(self.sizes[root]))

    def share(self, a: int, b: int) -> float:
        """The share of pairs between two components that are alike."""
        return self.alike[a][b] / (self.size(a) * self.size(b))

    def join(self, a: int, b: int) -> bool:
        """Join two components; False if they are too little alike, or together too many."""
        a, b = sorted((self.root(a), self.root(b)))
        if a == b:
            return True
        parts = max(self.parts[a], 1) + max(self.parts[b], 1)
        if parts > self.most or self.share(a, b) < LEAST_ALIKE:
            return False
        self.parents[b] = a
        self.records[a] = self.size(a) + self.size(b)
        self.parts[a] = parts
        for other, count in self.alike.pop(b).items():
            if other != a:
                self.alike[a][other] += count
                self.alike[other][a] += count
            self.alike[other].pop(b, None)
        self.alike[a].pop(b, None)
        return True
