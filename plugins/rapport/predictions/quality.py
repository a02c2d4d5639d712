"""How good a prediction was on the time after it: figures beside a plain rule's, and tenths.

>>> better(0.10, 0.2), better(0.1999, 0.2)
(True, False)
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN = 0.01  # a model that is not better than its rule by a hundredth is not worth its trouble
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the model and the plain rule's; None where the rule has none.

    `sign` says what better is: -1 a lower one, 1 a higher one, 0 neither: it only informs.
    """

    metric: str
    value: float
    baseline: float | None = None
    sign: int = 0

    @property
    def is_decisive(self) -> bool:
        """Whether the model is published by this figure."""
        return self.sign != 0

    @property
    def is_won(self) -> bool:
        """Whether the model beats the rule."""
        if self.baseline is None:
            return False
        return better(self.value, self.baseline) if self.sign < 0 else better(
            self.baseline, self.value
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the customers, the highest predictions first."""

    customers: int
    predicted: float
    actual: float
    share_of_actual: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the hold-out said."""

    figures: list[Figure]
    tenths: list[Tenth] = field(default_factory=list)

    @property
    def is_won(self) -> bool:
        """Whether the model beats its plain rule on every decisive figure."""
        decisive = [figure for figure in self.figures if figure.is_decisive]
        return bool(decisive) and all(figure.is_won for figure in decisive)


def better(low: float, high: float) -> bool:
    """Whether the first is lower by the margin; no figure at all is never better."""
    return bool(np.isfinite(low) and np.isfinite(high) and low < high - MARGIN * abs(high))


def rmse(predicted: Any, actual: Any) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((np.asarray(predicted, float) - np.asarray(actual, float)) ** 2)))


def log_loss(predicted: Floats, happened: Floats) -> float:
    """The mean of -log of the probability that was given to what happened."""
    sure = np.clip(predicted, 1e-9, 1 - 1e-9)
    return float(-np.mean(happened * np.log(sure) + (1 - happened) * np.log(1 - sure)))


def auc(predicted: Floats, happened: Floats) -> float:
    """The chance that one who did has a higher prediction than one who did not."""
    from scipy.stats import rankdata

    ranks, ones = rankdata(predicted), happened.sum()
    others = len(happened) - ones
    if not ones or not others:
        return float("nan")
    return float((ranks[happened > 0].sum() - ones * (ones + 1) / 2) / (ones * others))


def tenths(predicted: Floats, actual: Floats) -> list[Tenth]:
    """Calibration and lift: what was predicted and seen in each tenth; ties keep their order."""
    order = np.argsort(-predicted, kind="stable")
    total, seen, result = float(actual.sum()), 0.0, []
    for part in np.array_split(order, min(TENTHS, len(order)) or 1):
        if len(part):
            seen += float(actual[part].sum())
            share = seen / total if total else None
            means = float(predicted[part].mean()), float(actual[part].mean())
            result.append(Tenth(len(part), *means, share))
    return result


def calibration_error(parts: list[Tenth]) -> float:
    """The mean distance between predicted and seen over the tenths, weighted by customers."""
    weights = np.array([part.customers for part in parts], float)
    gaps = np.array([abs(part.predicted - part.actual) for part in parts])
    return float(weights @ gaps / weights.sum()) if len(parts) else float("nan")
