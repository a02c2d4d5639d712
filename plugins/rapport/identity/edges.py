"""The graph of profiles and identifiers as arrays, and the partition that resolution makes of it.

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
    """Arrays of one length, an entry an edge; codes count from 0."""

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
        """Edges with defaults: of weight 1, strong, no markers, certain."""
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
    """A label a profile, and why an edge was left out (an index into `REASONS`, 0 where kept).

    `region` is the label that a profile would have if no edge were left out; `certain` the one that
    it would have without probable matches, None where there are none.
    """

    customer: Ints
    region: Ints
    left_out: Ints
    details: dict[int, str] = field(default_factory=dict)
    certain: Ints | None = None


class Apart(NamedTuple):
    """Two profiles (codes) that must not be one customer."""

    a: int
    b: int
    name: str
