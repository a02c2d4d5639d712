"""Logistic regression with a ridge penalty, fitted by L-BFGS with an analytic gradient.

Each feature has one weight, in units of that feature's standard deviation.

>>> model = fit(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 0.0, 1.0, 1.0]))
>>> bool(model.probability(np.array([[3.0]]))[0] > 0.5)
True
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from rapport.predictions.errors import NoFit

Floats = NDArray[np.float64]

RIDGE = 1.0  # equals a normal prior with mean 0 and standard deviation 1 on each weight


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted model: intercept, weights, and the means and deviations that scale the features."""

    intercept: float
    weights: list[float]
    means: list[float]
    deviations: list[float]

    def probability(self, features: Floats) -> Floats:
        """The probability for each row of `features` (rows x features)."""
        scaled = (features - np.array(self.means)) / np.array(self.deviations)
        return np.asarray(expit(self.intercept + scaled @ np.array(self.weights)))


def fit(features: Floats, happened: Floats) -> Logistic:
    """Fit by maximum likelihood with a ridge penalty on the weights but not on the intercept.

    `happened` holds 0 or 1 per row. The mean of the fitted probabilities equals the mean of
    `happened`. A constant feature gets the weight 0. Raises `NoFit` if no maximum is found.
    """
    means, deviations = features.mean(axis=0), features.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    scaled = (features - means) / deviations

    def loss(values: Floats) -> tuple[float, Floats]:
        intercept, weights = values[0], values[1:]
        z = intercept + scaled @ weights
        cost = np.logaddexp(0, z).sum() - happened @ z + RIDGE / 2 * weights @ weights
        off = expit(z) - happened
        gradient = np.concatenate([[off.sum()], scaled.T @ off + RIDGE * weights])
        return float(cost) / len(happened), gradient / len(happened)

    outcome: Any = minimize(
        loss,
        np.zeros(features.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-8},
    )
    if not np.all(np.isfinite(outcome.x)) or np.abs(outcome.jac).max() > 1e-4:
        raise NoFit("Logistic regression: the likelihood has no maximum on these rows.")
    return Logistic(
        float(outcome.x[0]), outcome.x[1:].tolist(), means.tolist(), deviations.tolist()
    )
