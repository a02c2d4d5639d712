"""The components, against a union-find that shares no code with them."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.identity.edges import (
    AMBIGUOUS,
    CANNOT_LINK,
    CONTRADICTED,
    KEPT,
    SHARED,
    CannotLink,
    Edges,
)
from rapport.identity.graph import resolve


class UnionFind:
    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, x: int) -> int:
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a: int, b: int) -> None:
        self.parent[self.find(a)] = self.find(b)


def oracle(edges: Edges) -> list[int]:
    """For each profile the smallest profile that it is joined to."""
    nodes = UnionFind(edges.n_profiles + edges.n_identifiers)
    for profile, identifier in zip(edges.profile, edges.identifier, strict=True):
        nodes.union(int(profile), edges.n_profiles + int(identifier))
    smallest: dict[int, int] = {}
    for profile in range(edges.n_profiles):
        smallest.setdefault(nodes.find(profile), profile)
    return [smallest[nodes.find(profile)] for profile in range(edges.n_profiles)]


def canonical(labels: Any) -> list[int]:
    smallest: dict[int, int] = {}
    for profile, label in enumerate(labels.tolist()):
        smallest.setdefault(label, profile)
    return [smallest[label] for label in labels.tolist()]


def random_edges(n_profiles: int, n_identifiers: int, n_edges: int, seed: int) -> Edges:
    random = np.random.default_rng(seed)
    return Edges.of(
        random.integers(0, n_profiles, n_edges),
        random.integers(0, n_identifiers, n_edges),
        n_profiles,
        n_identifiers,
    )


def chain(n: int) -> Edges:
    links = np.arange(n - 1)
    order = np.random.default_rng(1).permutation(2 * (n - 1))
    profile = np.concatenate([links, links + 1])[order]
    return Edges.of(profile, np.concatenate([links, links])[order], n, n - 1)


def hub(n: int) -> Edges:
    return Edges.of(np.arange(n), np.zeros(n, int), n, 1)


def clusters(n: int) -> Edges:
    profile = np.arange(n)
    return Edges.of(profile, profile // 7, n, n // 7 + 1)


@pytest.mark.parametrize(
    "edges",
    [
        clusters(100_000),
        chain(100_000),
        hub(100_000),
        random_edges(50_000, 40_000, 60_000, seed=3),
        random_edges(50_000, 40_000, 200_000, seed=4),
        Edges.of([], [], 0, 0),
        Edges.of([], [], 3, 0),
    ],
    ids=["clusters", "chain", "hub", "sparse", "dense", "nothing", "no edges"],
)
def test_components_are_those_of_an_independent_union_find(edges: Edges) -> None:
    started = time.perf_counter()
    result = resolve(edges)
    assert time.perf_counter() - started < 5
    assert canonical(result.customer) == oracle(edges) == canonical(result.region)


EDGE = st.tuples(st.integers(0, 11), st.integers(0, 9), st.booleans(), st.booleans())


@given(rows=st.lists(EDGE, max_size=40), random=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_answer_does_not_depend_on_the_order_of_the_edges(
    rows: list[tuple[int, int, bool, bool]], random: Any
) -> None:
    # An identifier is weak or strong as a whole.
    rows = sorted({(p, i): (p, i, i >= 5, marker) for p, i, _, marker in rows}.values())
    apart = [CannotLink(0, 1, "a"), CannotLink(2, 5, "b")]

    def solve(edges: list[tuple[int, int, bool, bool]]) -> tuple[list[int], set[Any]]:
        columns = list(zip(*edges, strict=True)) or [[], [], [], []]
        result = resolve(
            Edges.of(columns[0], columns[1], 12, 10, None, columns[2], columns[3]), apart
        )
        cut = {(edges[n][:2], int(why)) for n, why in enumerate(result.left_out) if why}
        return canonical(result.customer), cut

    shuffled = rows.copy()
    random.shuffle(shuffled)
    labels, cut = solve(rows)
    assert solve(shuffled) == (labels, cut)
    assert labels[0] != labels[1]
    assert labels[2] != labels[5]


def test_a_weak_identifier_joins_a_known_person_with_the_unknown() -> None:
    edges = Edges.of(
        [0, 0, 1], [0, 1, 1], 2, 2, is_weak=[False, True, True], is_marker=[True, False, False]
    )
    assert canonical(resolve(edges).customer) == [0, 0]


def test_a_weak_identifier_never_joins_two_marked_people() -> None:
    edges = Edges.of(
        [0, 1, 0, 1, 2], [0, 1, 2, 2, 2], 3, 3,
        is_weak=[False, False, True, True, True], is_marker=[True, True, False, False, False],
    )  # fmt: skip
    result = resolve(edges)
    assert canonical(result.customer) == [0, 1, 2]
    assert result.left_out.tolist() == [KEPT, KEPT, SHARED, SHARED, SHARED]
    assert canonical(result.region) == [0, 0, 0]


def test_a_chain_of_devices_does_not_join_two_marked_people_either() -> None:
    # person 0 - device - nobody 2 - another device - person 1
    edges = Edges.of(
        [0, 1, 0, 2, 2, 1], [0, 1, 2, 2, 3, 3], 3, 4,
        is_weak=[False, False, True, True, True, True],
        is_marker=[True, True, False, False, False, False],
    )  # fmt: skip
    assert canonical(resolve(edges).customer) == [0, 1, 2]


def test_two_marked_records_of_one_person_may_share_a_phone() -> None:
    edges = Edges.of(
        [0, 1, 0, 1, 2], [0, 0, 1, 1, 1], 3, 2,
        is_weak=[False, False, True, True, True], is_marker=[True, True, False, False, False],
    )  # fmt: skip
    assert canonical(resolve(edges).customer) == [0, 0, 0]


def test_a_cannot_link_cuts_the_weakest_edge_of_the_path() -> None:
    # 0 -60- 1 -20- 2 -60- 3
    edges = Edges.of([0, 1, 1, 2, 2, 3], [0, 0, 1, 1, 2, 2], 4, 3, [60, 60, 20, 20, 60, 60])
    result = resolve(edges, [CannotLink(0, 3, "0 and 3")])
    assert canonical(result.customer) == [0, 0, 2, 2]
    assert result.left_out.tolist().count(CANNOT_LINK) == 1
    assert set(result.details.values()) == {"0 and 3"}
    assert canonical(result.region) == [0, 0, 0, 0]


def test_a_cannot_link_cuts_all_paths_at_the_least_cost() -> None:
    # Two parallel links of 20 between 0 and 1 cost 40; 1 hangs on 2 by a single 30.
    edges = Edges.of([0, 1, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], 3, 3, [20, 20, 20, 20, 30, 30])
    result = resolve(edges, [CannotLink(0, 2, "0 and 2")])
    assert canonical(result.customer) == [0, 0, 2]


def test_a_must_link_gives_way_only_to_a_cannot_link_that_contradicts_it() -> None:
    heavy = 1_000_000
    edges = Edges.of([0, 1], [0, 0], 2, 1, [heavy, heavy])
    result = resolve(edges, [CannotLink(0, 1, "0 and 1")])
    assert canonical(result.customer) == [0, 1]
    assert CONTRADICTED in result.left_out


def test_a_probable_match_joins_what_nothing_certain_joins_and_is_told_apart() -> None:
    # 0 and 1 share an identifier, 1 and 2 a match.
    edges = Edges.of(
        [0, 1, 1, 2], [0, 0, 1, 1], 3, 2, is_account=[True, False, False, False],
        is_probable=[False, False, True, True],
    )  # fmt: skip
    result = resolve(edges)
    assert canonical(result.customer) == canonical(result.region) == [0, 0, 0]
    assert result.certain is not None
    assert canonical(result.certain) == [0, 0, 2]


def test_matches_never_join_two_accounts_however_long_the_chain() -> None:
    # Account 0 - match - 2 - match - account 1; 3 matches 4, which is nobody's.
    edges = Edges.of(
        [0, 1, 0, 2, 2, 1, 3, 4], [0, 1, 2, 2, 3, 3, 4, 4], 5, 5,
        is_account=[True, True] + [False] * 6, is_probable=[False, False] + [True] * 6,
    )  # fmt: skip
    result = resolve(edges)
    assert canonical(result.customer) == [0, 1, 2, 3, 3]
    assert result.left_out.tolist() == [KEPT] * 2 + [AMBIGUOUS] * 4 + [KEPT] * 2
    assert canonical(result.region) == [0, 0, 0, 3, 3]


def test_a_chain_of_matches_joins_no_more_than_the_cap() -> None:
    links = np.arange(4)
    edges = Edges.of(
        np.concatenate([links, links + 1]), np.concatenate([links, links]), 5, 4,
        is_probable=np.ones(8, bool),
    )  # fmt: skip
    assert canonical(resolve(edges, match_cap=5).customer) == [0] * 5
    assert canonical(resolve(edges, match_cap=4).customer) == [0, 0, 0, 0, 4]
