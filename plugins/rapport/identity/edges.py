"""The graph of profiles and identifiers as arrays, and the partition into customers.

>>> Edges.of([0, 1], [0, 0], n_profiles=2, n_identifiers=1).weight.tolist()
[1, 1]
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[Any]
Flags = NDArray[np.bool_]

KEPT, SHARED, CANNOT_LINK, CONTRADICTED, AMBIGUOUS = range(5)
REASONS = (
    "",
    "shared_by_several_people",
    "cannot_link",
    "contradicts_cannot_link",
    "ambiguous_match",
)


@dataclass(frozen=True)
class Edges:
    """The edges, one array entry per edge. Profiles and identifiers are codes from 0."""

    profile: Ints
    identifier: Ints
    weight: Ints
    is_weak: Flags
    is_marker: Flags
    is_account: Flags
    is_probable: Flags
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
        is_account: ArrayLike | None = None,
        is_probable: ArrayLike | None = None,
    ) -> Self:
        """Build edges; by default they have weight 1, are strong and certain, and no markers."""
        codes = np.asarray(profile, dtype=np.int32)

        def flags(values: ArrayLike | None) -> Flags:
            return np.zeros(len(codes), bool) if values is None else np.asarray(values, bool)

        return cls(
            codes,
            np.asarray(identifier, dtype=np.int32),
            np.ones(len(codes), np.int32) if weight is None else np.asarray(weight, np.int32),
            flags(is_weak),
            flags(is_marker),
            flags(is_account),
            flags(is_probable),
            n_profiles,
            n_identifiers,
        )


@dataclass(frozen=True)
class Partition:
    """The customer label of each profile, and why each edge was left out.

    `left_out` holds an index into `REASONS` per edge, 0 for an edge that was kept. `details` names
    the cannot-link pair of an edge that was cut. `region` is the label with all edges. `certain` is
    the label without probable matches, or None if there are no such matches.
    """

    customer: Ints
    region: Ints
    left_out: Ints
    details: dict[int, str] = field(default_factory=dict)
    certain: Ints | None = None


class Alike(NamedTuple):
    """Pairs of profile codes that matching found alike (n, 2), and which profiles it compared."""

    pairs: Ints
    is_compared: Flags


class CannotLink(NamedTuple):
    """A cannot-link pair: two profiles (codes) that must not be one customer."""

    a: int
    b: int
    name: str
