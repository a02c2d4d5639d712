"""Estimates what each level of agreement is worth, by expectation maximisation.

A pair of records is of one person, of two relatives or colleagues, or of two strangers. Relatives
share a surname and an address, so that an ordinary model of two classes takes a family for one
person; here a family is a class of its own. Pairs that share an address or an account are known to
be one person. What is never seen keeps the value of `comparisons.py`, so that a company with few
records or few columns has weights too.

>>> weights = estimate(Seen.none(), Seen.none(), records=5)
>>> weights.of_one_person["country"]
[0.95, 0.05]
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rapport.identity.matching.comparisons import COMPARISONS, NAMES, Comparison

Values = NDArray[np.float64]
Shares = dict[str, list[float]]

STARTING_PAIRS = 50
"""How many pairs of one person, and of strangers, the starting values count as."""
ROUNDS = 100
RELATIVES, FEWEST_RELATIVES = 0.05, 0.002
"""Pairs of relatives a record: to begin with, and from how many on the class is believed in."""
LEAST_RELATIVES = 0.01


class Seen(NamedTuple):
    """Patterns of levels (one row each, -1 for unknown), their pairs, and how many are joined."""

    levels: NDArray[np.int64]
    pairs: Values
    joined: Values

    @classmethod
    def none(cls) -> Self:
        """No pairs."""
        return cls(np.zeros((0, len(NAMES)), np.int64), np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Weights:
    """The share of pairs on each level, for one person, relatives and strangers.

    `one_person` and `relatives` are the shares of all pairs that are of that class.
    """

    of_one_person: Shares
    of_relatives: Shares
    of_strangers: Shares
    one_person: float
    relatives: float
    estimated: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """The weights as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """The weights from JSON."""
        return cls(**{**stored, "estimated": tuple(stored["estimated"])})


def estimate(candidates: Seen, random: Seen, records: int) -> Weights:
    """Estimate the weights from the candidates and from random pairs of so many records."""
    total = max(records * (records - 1) / 2, 1.0)
    m = {c.name: _shares([level.m for level in c.levels]) for c in COMPARISONS}
    starting_m = m
    u = starting_u = {c.name: _shares([level.u for level in c.levels]) for c in COMPARISONS}
    one_person, relatives = records / total / 4, records * RELATIVES / total
    for _ in range(ROUNDS):
        r = _of_relatives(m, u)
        mine = _posterior(candidates, m, r, u, one_person, relatives)
        among = _posterior(random, m, r, u, one_person, relatives)
        sure = candidates.joined + (candidates.pairs - candidates.joined) * mine[0]
        m = _bounded(_observed(candidates, sure, starting_m))
        u = _observed(random, random.pairs * (1 - among[0]), starting_u)
        last = one_person, relatives
        one_person = float(max(sure.sum(), 1)) / total
        family = ((candidates.pairs - candidates.joined) * mine[1]).sum()
        relatives = float(max(family - records * FEWEST_RELATIVES, LEAST_RELATIVES)) / total
        if np.allclose(last, (one_person, relatives), rtol=1e-4, atol=0):
            break
    known = {
        c.name: bool(len(candidates.levels) and (candidates.levels[:, place] >= 0).any())
        for place, c in enumerate(COMPARISONS)
    }
    return Weights(
        of_one_person=_listed(m),
        of_relatives=_listed(_of_relatives(m, u)),
        of_strangers=_listed(u),
        one_person=min(one_person, 0.5),
        relatives=min(relatives, 0.5),
        estimated=tuple(name for name in NAMES if known[name]),
    )


def _listed(shares: dict[str, Values]) -> Shares:
    return {name: [float(share) for share in shares[name]] for name in NAMES}


def _shares(values: list[float]) -> Values:
    array = np.array(values)
    shares: Values = array / array.sum()
    return shares


def _observed(seen: Seen, pairs: Values, starting: dict[str, Values]) -> dict[str, Values]:
    """The share of pairs on each level, drawn to the starting values where few were seen."""
    shares = {}
    for place, name in enumerate(NAMES):
        levels = seen.levels[:, place]
        known = levels >= 0
        counts = np.bincount(levels[known], weights=pairs[known], minlength=len(starting[name]))
        drawn = (starting[name] * STARTING_PAIRS + counts) / (STARTING_PAIRS + counts.sum())
        # What was never seen among n pairs may still be as frequent as one in n.
        least = np.minimum(starting[name], 1 / max(counts.sum(), STARTING_PAIRS))
        shares[name] = np.maximum(drawn, least)
    return shares


def _bounded(m: dict[str, Values]) -> dict[str, Values]:
    return {c.name: _at_most(m[c.name], c) for c in COMPARISONS}


def _at_most(shares: Values, comparison: Comparison) -> Values:
    most = comparison.most_different
    if shares[-1] <= most:
        return shares
    bounded: Values = shares * (1 - most) / shares[:-1].sum()
    bounded[-1] = most
    return bounded


def _of_relatives(m: dict[str, Values], u: dict[str, Values]) -> dict[str, Values]:
    relatives = {}
    for comparison in COMPARISONS:
        by_chance = u[comparison.name] * comparison.chance
        by_chance[-1] += 1 - by_chance.sum()
        shared = comparison.shared
        relatives[comparison.name] = shared * m[comparison.name] + (1 - shared) * by_chance
    return relatives


def _posterior(
    seen: Seen,
    m: dict[str, Values],
    r: dict[str, Values],
    u: dict[str, Values],
    one_person: float,
    relatives: float,
) -> tuple[Values, Values]:
    """The probability of each pattern to be of one person, and of relatives."""
    mine = np.full(len(seen.levels), np.log(one_person))
    family = np.full(len(seen.levels), np.log(relatives))
    for place, name in enumerate(NAMES):
        levels = seen.levels[:, place]
        known = levels >= 0
        mine[known] += np.log(m[name] / u[name])[levels[known]]
        family[known] += np.log(r[name] / u[name])[levels[known]]
    top = np.maximum(np.maximum(mine, family), 0)
    mine, family, strangers = np.exp(mine - top), np.exp(family - top), np.exp(-top)
    whole = mine + family + strangers
    return mine / whole, family / whole
