"""The BG/NBD model: how often a customer will buy again, and whether they are still active.

Source: Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2), called FHL below. All values are computed as logarithms,
so that thousands of purchases do not overflow. Equal histories are computed once.

>>> model = fit(histories)  # doctest: +SKIP
>>> model.expected_purchases(52.0, repeats, last, age)  # doctest: +SKIP
array([1.72, 0.11, ...])
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1

from rapport.predictions.errors import NoFit

Floats = NDArray[np.float64]

# If customers hardly differ (large parameters) or differ extremely (small ones), the likelihood is
# flat and the optimum lies at infinity. These bounds stop the search where forecasts no longer
# change. The first two are for r and alpha / mean age; a and b lie between the first and the third.
LOG_MIN, LOG_MAX, LOG_MAX_DROPOUT = np.log(1e-3), np.log(50.0), np.log(200.0)
_NUDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Histories:
    """Distinct purchase histories and how many customers have each.

    `repeats`: purchases after the first; `last`: time from the first to the last purchase; `age`:
    time from the first purchase to the end of observation. One time unit throughout.
    """

    repeats: Floats
    last: Floats
    age: Floats
    weight: Floats

    @classmethod
    def group(cls, repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Self:
        """Build the distinct histories from one value per customer in each array."""
        columns = np.array([repeats, last, age], np.float64)
        columns = columns[:, np.lexsort(columns)]
        differs = np.ones(columns.shape[1], bool)
        differs[1:] = np.any(columns[:, 1:] != columns[:, :-1], axis=0)
        starts = np.flatnonzero(differs)
        weight = np.diff(starts, append=columns.shape[1]).astype(np.float64)
        x, t_x, age_ = columns[:, starts]
        return cls(x, t_x, age_, weight)


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The four fitted parameters; `alpha` is in the time unit of the histories."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float | None = None

    def p_alive(self, repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Floats:
        """The probability that the customer is still active; 1 before the first repeat.

        Source: Fader, Hardie and Lee (2008), "Computing P(alive) Using the BG/NBD Model".
        """
        x, t_x, age_ = _columns(repeats, last, age)
        return np.asarray(np.where(x > 0, expit(-self._log_odds_gone(x, t_x, age_)), 1.0))

    def _log_odds_gone(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        ages = (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        return np.asarray(np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1) + ages)

    def expected_purchases(
        self, ahead: float, repeats: ArrayLike, last: ArrayLike, age: ArrayLike
    ) -> Floats:
        """Expected purchases in the next `ahead` units of time; FHL equation 10.

        Euler's transformation of 2F1 (DLMF 15.8.1) cancels the power in front and leaves small
        arguments, so that a history of 1,000 purchases is computed as safely as one of two.
        """
        x, t_x, age_ = _columns(repeats, last, age)
        x, t_x, age_ = np.broadcast_arrays(x, t_x, age_)
        rows, which = _distinct(x, age_)  # the last purchase matters in P(alive) only
        once = self._if_alive(ahead, x[rows], age_[rows])
        return np.asarray(once[which] * self.p_alive(x, t_x, age_))

    def _if_alive(self, ahead: float, x: Floats, age: Floats) -> Floats:
        a = self.a if abs(self.a - 1) > _NUDGE else 1 + _NUDGE
        z = ahead / (self.alpha + age + ahead)
        c = a + self.b + x - 1
        c = np.where(np.abs(c) < _NUDGE, _NUDGE, c)
        unspent = (1 - z) ** (a - 1) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
        return np.asarray(c / (a - 1) * (1 - unspent))


class Likelihood:
    """The likelihood of given histories.

    Terms that depend on one column only are computed once per distinct value of it.
    """

    def __init__(self, histories: Histories) -> None:
        self.weight, self.total = histories.weight, float(histories.weight.sum())
        self.x, self.of_x = np.unique(histories.repeats, return_inverse=True)
        self.t_x, self.of_t_x = np.unique(histories.last, return_inverse=True)
        self.age, self.of_age = np.unique(histories.age, return_inverse=True)
        self.customers = np.bincount(self.of_x, self.weight, len(self.x))
        self.repeats = histories.repeats

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        x, n = self.x, self.customers
        log_last = np.log(alpha + self.t_x)[self.of_t_x]
        log_age = np.log(alpha + self.age)[self.of_age]
        power = r + self.repeats
        stays = -power * log_age
        gone = (np.log(a) - np.log(b + np.maximum(x, 1) - 1))[self.of_x] - power * log_last
        gone[self.repeats == 0] = -np.inf
        share = expit(gone - stays)  # the weight of the term for customers who have left
        of_x = gammaln(r + x) + gammaln(a + b) + gammaln(b + x) - gammaln(a + b + x)
        of_x -= gammaln(r) + gammaln(b) - r * np.log(alpha)
        # stays and gone can be far apart; this is log(e^stays + e^gone) without overflow.
        both = np.maximum(stays, gone) + np.log1p(np.exp(-np.abs(gone - stays)))
        value = float(n @ of_x + self.weight @ both)

        by_x = np.bincount(self.of_x, self.weight * share, len(x))
        mean_log = log_age + share * (log_last - log_age)
        in_age = np.bincount(self.of_age, self.weight * (1 - share) * power, len(self.age))
        in_last = np.bincount(self.of_t_x, self.weight * share * power, len(self.t_x))
        common = digamma(a + b) - digamma(a + b + x)
        gradient = np.array(
            [
                n @ (digamma(r + x) - digamma(r) + np.log(alpha)) - self.weight @ mean_log,
                self.total * r / alpha
                - in_age @ (1 / (alpha + self.age))
                - in_last @ (1 / (alpha + self.t_x)),
                n @ common + by_x.sum() / a,
                n @ (common + digamma(b + x) - digamma(b))
                - by_x @ (1 / (b + np.maximum(x, 1) - 1)),
            ]
        )
        return value, np.asarray(gradient * np.exp(logs))


def fit(histories: Histories) -> BgNbd:
    """The maximum likelihood estimate.

    Raises `NoFit` if there is no repeat purchase or no maximum is found.
    """
    if not np.any(histories.repeats > 0):
        raise NoFit("BG/NBD: no customer bought a second time, so nothing can be estimated.")
    likelihood = Likelihood(histories)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(logs)
        return -value / likelihood.total, -gradient / likelihood.total

    middle = np.log(max(float(np.average(histories.age, weights=histories.weight)), 1e-9))
    start = np.array([0.0, middle, 0.0, 1.0])
    outcome: Any = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[
            (LOG_MIN, LOG_MAX),
            (middle + LOG_MIN, middle + LOG_MAX),
            (LOG_MIN, LOG_MAX_DROPOUT),
            (LOG_MIN, LOG_MAX_DROPOUT),
        ],
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8, "maxcor": 20},
    )
    if not np.isfinite(outcome.fun) or not np.all(np.isfinite(outcome.x)) or outcome.nit == 0:
        raise NoFit("BG/NBD: the likelihood has no maximum on these histories.")
    r, alpha, a, b = (float(value) for value in np.exp(outcome.x))
    return BgNbd(r, alpha, a, b, -float(outcome.fun) * likelihood.total)


def _distinct(x: Floats, age: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """The row number of the first of each distinct pair, and the index of each row's pair."""
    of_x, _ = pd.factorize(x)
    of_age, ages = pd.factorize(age)
    which, pairs = pd.factorize(of_x * max(len(ages), 1) + of_age)
    rows = np.zeros(len(pairs), np.int64)
    rows[which[::-1]] = np.arange(len(which))[::-1]
    return rows, which


def _columns(*columns: ArrayLike) -> list[Floats]:
    return [np.atleast_1d(np.asarray(column, np.float64)) for column in columns]
