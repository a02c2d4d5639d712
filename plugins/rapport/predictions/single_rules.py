"""Rules of one column, which a model of churn must beat: the share that left, by its tenths.

>>> sorted(forecasts(before, after))[:2]  # doctest: +SKIP
['contract_days', 'conversations_60d']
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.churn_model import FEATURES, known_plans, plans_of

Floats = NDArray[np.float64]

PARTS = 10
PRIOR = 10.0  # customers at the overall rate that each part is mixed with


def forecasts(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Floats]:
    """For each rule, the share of its group that left in `before`, for each row of `after`.

    The rules are one column each of `FEATURES`, the plan, and the overall rate (`everybody`).
    """
    found = {"everybody": np.full(len(after), float(before["has_left"].mean()))}
    for name in FEATURES:
        values = before[name].to_numpy(float)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)[1:-1]))
        groups = np.searchsorted(edges, values, side="right")
        found[name] = _rates(
            before, groups, np.searchsorted(edges, after[name].to_numpy(float), side="right")
        )
    plans = known_plans(before)
    if plans:
        groups, later = (
            pd.Categorical(plans_of(frame), categories=plans).codes for frame in (before, after)
        )
        found["plan"] = _rates(before, groups, later)
    return found


def _rates(before: pd.DataFrame, groups: NDArray[np.int_], later: NDArray[np.int_]) -> Floats:
    left = before["has_left"].to_numpy(float)
    overall = float(left.mean())
    counts = pd.DataFrame({"group": groups, "left": left}).groupby("group")["left"].agg(
        ["sum", "size"]
    )  # fmt: skip
    rates = (counts["sum"] + PRIOR * overall) / (counts["size"] + PRIOR)
    return pd.Series(later).map(rates).fillna(overall).to_numpy(float)
