"""How good a prediction was on the time after it: figures beside a plain rule's, and tenths.

>>> Figure("error", 0.10, 0.2, sign=-1).is_won, Figure("error", 0.1999, 0.2, sign=-1).is_won
(True, False)
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN = 0.01  # a model that is not better than its rule by a hundredth is not worth its trouble
CERTAIN = 2.0  # standard errors
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the model and the plain rule's; None where the rule has none.

    `sign` says what better is: -1 a lower one, 1 a higher one, 0 neither: it only informs.
    `noise` is the standard error of the difference between the two.
    """

    metric: str
    value: float
    baseline: float | None = None
    sign: int = 0
    noise: float = 0.0

    @property
    def is_decisive(self) -> bool:
        """Whether the model is published by this figure."""
        return self.sign != 0

    @property
    def is_won(self) -> bool:
        """Whether the model beats the rule: by the margin, and by more than chance would."""
        if self.baseline is None:
            return False
        gain = self.sign * (self.value - self.baseline)
        return bool(gain > max(MARGIN * abs(self.baseline), CERTAIN * self.noise))


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


def rmse(predicted: Any, actual: Any) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((np.asarray(predicted, float) - np.asarray(actual, float)) ** 2)))


def standard_error(differences: Any, weights: Any = None) -> float:
    """The standard error of the (weighted) mean of differences."""
    gaps = np.asarray(differences, float)
    share = np.full(len(gaps), 1.0) if weights is None else np.asarray(weights, float)
    share = share / share.sum()
    return float(np.sqrt((share**2 * (gaps - share @ gaps) ** 2).sum()))


def by_squares(metric: str, ours: Any, rule: Any, seen: Any) -> Figure:
    """The decisive figure of two forecasts of a number: the root of the mean squared error."""
    squares = [(np.asarray(said, float) - np.asarray(seen, float)) ** 2 for said in (ours, rule)]
    value, baseline = (float(np.sqrt(square.mean())) for square in squares)
    noise = standard_error(squares[0] - squares[1]) / max(value + baseline, 1e-12)
    return Figure(metric, value, baseline, -1, noise)


def log_losses(predicted: Floats, happened: Floats) -> Floats:
    """-log of the probability that was given to what happened, one each."""
    sure = np.clip(predicted, 1e-9, 1 - 1e-9)
    return np.asarray(-(happened * np.log(sure) + (1 - happened) * np.log(1 - sure)))


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
