"""The Gamma-Gamma model: the expected value of a customer's purchases.

Source: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
brucehardie.com/notes/025, called FH below. The model assumes that the value of a purchase does not
depend on the number of purchases.

>>> fit(repeats, values).expected_value(repeats, values)  # doctest: +SKIP
array([24.65, 18.91, ...])
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from rapport.predictions.errors import NoFit

Floats = NDArray[np.float64]

LIMIT = 9.0  # of |log parameter|; beyond it, customers hardly differ and the likelihood is flat

_NO_DIFFERENCE = 1e9  # a q so large that all customers have the same mean


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The three fitted parameters; `v` is in the currency of the values."""

    p: float
    q: float
    v: float
    log_likelihood: float | None = None

    @classmethod
    def constant(cls, value: float) -> Self:
        """The limit in which all customers are alike: every purchase is expected at `value`."""
        return cls(1.0, _NO_DIFFERENCE, value * (_NO_DIFFERENCE - 1))

    def expected_value(self, repeats: ArrayLike, values: ArrayLike) -> Floats:
        """The expected mean value of future purchases; FH equation 5.

        `values` are the mean values of the repeat purchases so far. A customer without a repeat
        gets the mean of the population.
        """
        x = np.atleast_1d(np.asarray(repeats, np.float64))
        mean = np.where(x > 0, np.nan_to_num(np.asarray(values, np.float64)), 0.0)
        return np.asarray(self.p * (self.v + x * mean) / (self.p * x + self.q - 1))


class Likelihood:
    def __init__(self, repeats: Floats, values: Floats) -> None:
        self.x, self.of_x = np.unique(repeats, return_inverse=True)
        self.customers = np.bincount(self.of_x, minlength=len(self.x)).astype(np.float64)
        self.spent = repeats * values
        log_spent = np.log(self.spent)
        self.log_spent_by_x = np.bincount(self.of_x, log_spent, len(self.x))
        self.log_values = float(np.log(values).sum())

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """FH equation 1 and its gradient, both at (log p, log q, log v)."""
        p, q, v = np.exp(logs)
        n, px = self.customers, p * self.x
        total = self.spent + v
        log_total_by_x = np.bincount(self.of_x, np.log(total), len(self.x))
        inverse_by_x = np.bincount(self.of_x, 1 / total, len(self.x))
        value = (
            n @ (gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v))
            + px @ self.log_spent_by_x
            - (px + q) @ log_total_by_x
            - self.log_values
        )
        both = digamma(px + q)
        gradient = np.array(
            [
                self.x @ (n * (both - digamma(px)) + self.log_spent_by_x - log_total_by_x),
                n @ (both - digamma(q) + np.log(v)) - log_total_by_x.sum(),
                n.sum() * q / v - (px + q) @ inverse_by_x,
            ]
        )
        return float(value), np.asarray(gradient * np.exp(logs))


def fit(repeats: ArrayLike, values: ArrayLike) -> GammaGamma:
    """The maximum likelihood estimate from customers whose repeat purchases have a positive mean.

    Other customers are left out. Raises `NoFit` if fewer than two customers remain, no maximum is
    found, or the estimated mean is infinite.
    """
    x = np.asarray(repeats, np.float64)
    mean = np.asarray(values, np.float64)
    counts = (x > 0) & (mean > 0)
    x, mean = x[counts], mean[counts]
    if len(x) < 2:
        raise NoFit("Gamma-Gamma: fewer than two customers have a repeat purchase above zero.")
    likelihood = Likelihood(x, mean)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(logs)
        return -value / len(x), -gradient / len(x)

    scale = np.log(float(np.median(mean)))
    outcome: Any = minimize(
        loss,
        np.array([1.0, 1.0, scale]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LIMIT, LIMIT), (-LIMIT, LIMIT), (scale - LIMIT, scale + LIMIT)],
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8, "maxcor": 20},
    )
    p, q, v = (float(value) for value in np.exp(outcome.x))
    if not np.isfinite(outcome.fun) or not np.all(np.isfinite(outcome.x)) or outcome.nit == 0:
        raise NoFit("Gamma-Gamma: the likelihood has no maximum on these values.")
    if q <= 1:
        raise NoFit("Gamma-Gamma: q is at most 1, so the mean value of a purchase is infinite.")
    return GammaGamma(p, q, v, -float(outcome.fun) * len(x))
