"""The backtest of a model: its figures beside those of a simple baseline, and deciles.

A prediction is published only if it beats the baseline on every decisive figure.

>>> Figure("error", 0.10, 0.2, sign=-1).beats_baseline
True
>>> Figure("error", 0.1999, 0.2, sign=-1).beats_baseline
False
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN = 0.01  # a model that is less than 1 % better than its baseline is not worth running
STANDARD_ERRORS = 2.0  # by which a model must be better, so that chance does not publish it
DECILES = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of the model and of the baseline, which is None where the baseline has none.

    `sign` says which value is better: -1 the lower one, 1 the higher one. 0 marks a metric that
    informs only and does not decide. `noise` is the standard error of the difference.
    """

    metric: str
    value: float
    baseline: float | None = None
    sign: int = 0
    noise: float = 0.0

    @property
    def is_decisive(self) -> bool:
        """Whether the figure counts for publishing the model."""
        return self.sign != 0

    @property
    def beats_baseline(self) -> bool:
        """Whether the model beats the baseline by the margin and by more than chance."""
        if self.baseline is None:
            return False
        gain = self.sign * (self.value - self.baseline)
        return bool(gain > max(MARGIN * abs(self.baseline), STANDARD_ERRORS * self.noise))


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers, ordered by prediction, highest first.

    `predicted` and `actual` are means. `share_of_actual` is cumulative from the first decile.
    """

    customers: int
    predicted: float
    actual: float
    share_of_actual: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """The figures and deciles of a model on the hold-out period."""

    figures: list[Figure]
    deciles: list[Decile] = field(default_factory=list)

    @property
    def beats_baseline(self) -> bool:
        """Whether the model beats the baseline on every decisive figure."""
        decisive = [figure for figure in self.figures if figure.is_decisive]
        return bool(decisive) and all(figure.beats_baseline for figure in decisive)


def rmse(predicted: Any, actual: Any) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((np.asarray(predicted, float) - np.asarray(actual, float)) ** 2)))


def standard_error(differences: Any, weights: Any = None) -> float:
    """The standard error of the (weighted) mean of differences."""
    gaps = np.asarray(differences, float)
    share = np.full(len(gaps), 1.0) if weights is None else np.asarray(weights, float)
    share = share / share.sum()
    return float(np.sqrt((share**2 * (gaps - share @ gaps) ** 2).sum()))


def rmse_figure(metric: str, model: Any, plain: Any, actual: Any) -> Figure:
    """The decisive figure that compares a model and its baseline by RMSE; lower is better."""
    target = np.asarray(actual, float)
    squares = [(np.asarray(forecast, float) - target) ** 2 for forecast in (model, plain)]
    value, baseline = (float(np.sqrt(square.mean())) for square in squares)
    noise = standard_error(squares[0] - squares[1]) / max(value + baseline, 1e-12)
    return Figure(metric, value, baseline, -1, noise)


def log_losses(predicted: Floats, happened: Floats) -> Floats:
    """The log loss of each prediction: -log of the probability given to what happened."""
    sure = np.clip(predicted, 1e-9, 1 - 1e-9)
    return np.asarray(-(happened * np.log(sure) + (1 - happened) * np.log(1 - sure)))


def auc(predicted: Floats, happened: Floats) -> float:
    """The area under the ROC curve; NaN if only one class occurs."""
    from scipy.stats import rankdata

    ranks, ones = rankdata(predicted), happened.sum()
    others = len(happened) - ones
    if not ones or not others:
        return float("nan")
    return float((ranks[happened > 0].sum() - ones * (ones + 1) / 2) / (ones * others))


def auc_noise(first: Floats, second: Floats, happened: Floats) -> float:
    """The standard error of the difference of two AUCs on the same customers.

    E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988).
    """
    ones = happened > 0
    if not ones.any() or ones.all():
        return float("nan")
    above, below = (_placements(scores, ones) for scores in (first, second))
    gaps = [one - other for one, other in zip(above, below, strict=True)]
    return float(np.sqrt(sum(gap.var() / len(gap) for gap in gaps)))


def _placements(scores: Floats, ones: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """For each row that happened, the share of others ranked below it; and the other way round."""
    from scipy.stats import rankdata

    ranks, count, rest = rankdata(scores), int(ones.sum()), int((~ones).sum())
    of_ones = (ranks[ones] - rankdata(scores[ones])) / rest
    of_others = 1 - (ranks[~ones] - rankdata(scores[~ones])) / count
    return np.asarray(of_ones), np.asarray(of_others)


def deciles(predicted: Floats, actual: Floats) -> list[Decile]:
    """Calibration and lift: predicted and actual means by decile. Ties keep their order."""
    order = np.argsort(-predicted, kind="stable")
    total, seen, result = float(actual.sum()), 0.0, []
    for part in np.array_split(order, min(DECILES, len(order)) or 1):
        if len(part):
            seen += float(actual[part].sum())
            share = seen / total if total else None
            means = float(predicted[part].mean()), float(actual[part].mean())
            result.append(Decile(len(part), *means, share))
    return result


def calibration_error(parts: list[Decile]) -> float:
    """The mean distance between predicted and actual over the deciles, weighted by customers."""
    weights = np.array([part.customers for part in parts], float)
    gaps = np.array([abs(part.predicted - part.actual) for part in parts])
    return float(weights @ gaps / weights.sum()) if len(parts) else float("nan")
