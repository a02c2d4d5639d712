"""Logistic regression with a ridge, by Newton-like steps on analytic gradients.

Small and explainable: one weight a feature, in standard deviations of that feature.

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

RIDGE = 1.0  # the weight of a prior that every weight is 0 to within one


@dataclass(frozen=True, slots=True)
class Logistic:
    """Intercept, weights, and the means and deviations that features are scaled by."""

    intercept: float
    weights: list[float]
    means: list[float]
    deviations: list[float]

    def probability(self, features: Floats) -> Floats:
        """The probability for each row of features."""
        scaled = (features - np.array(self.means)) / np.array(self.deviations)
        return np.asarray(expit(self.intercept + scaled @ np.array(self.weights)))


def fit(features: Floats, happened: Floats) -> Logistic:
    """Maximum likelihood with a ridge on the weights, none on the intercept.

    So the mean of the probabilities equals the share that happened. A feature that never varies
    gets the weight 0. Raises `NoFit`.
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
        raise NoFit("logistic regression: no maximum was found.")
    return Logistic(
        float(outcome.x[0]), outcome.x[1:].tolist(), means.tolist(), deviations.tolist()
    )
