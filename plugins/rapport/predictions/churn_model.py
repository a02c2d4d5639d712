"""The model of churn: a logistic regression by scikit-learn, calibrated on unseen customers.

A fitted model is plain numbers, so it can be kept in the warehouse and read again.

>>> model = fit(frame)  # doctest: +SKIP
>>> model.probability(frame).mean()  # doctest: +SKIP
0.27
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]

FEATURES = (
    "tenure_days", "orders_90d", "days_since_order", "visits_30d", "visits_90d",
    "days_since_visit", "conversations_60d", "failed_payments_60d", "contract_days",
    "subscriptions", "relative_amount", "days_since_seen",
)  # fmt: skip
BENT = ("tenure_days", "days_since_order", "days_since_visit", "contract_days", "relative_amount",
        "days_since_seen")  # fmt: skip
FOLDS, SEED = 5, 0
PENALTIES = (0.003, 0.03, 0.3, 3.0)  # inverse strengths of the ridge penalty to try
MIN_PLAN = 20  # the fewest customers of a plan for a weight of its own


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A fitted model. `plans` and `knots` shape the columns; `slope` and `offset` calibrate."""

    plans: list[str]
    knots: list[list[float]]
    means: list[float]
    deviations: list[float]
    weights: list[float]
    intercept: float
    slope: float
    offset: float

    def probability(self, frame: pd.DataFrame) -> Floats:
        """The probability to leave for each row with the columns `FEATURES` and `plan`."""
        columns = design(frame, self.plans, self.knots)
        scaled = (columns - np.array(self.means)) / np.array(self.deviations)
        return np.asarray(
            expit(self.offset + self.slope * (self.intercept + scaled @ np.array(self.weights)))
        )


def logs(frame: pd.DataFrame) -> Floats:
    """The columns `FEATURES` as log(1 + value): the second visit says more than the 20th."""
    return np.asarray(np.log1p(np.maximum(frame[list(FEATURES)].to_numpy(float), 0)))


def plans_of(frame: pd.DataFrame) -> "pd.Series[Any]":
    """The plan of each row as text, empty for none."""
    if "plan" not in frame:
        return pd.Series("", index=frame.index)
    return frame["plan"].fillna("").astype(str)


def known_plans(frame: pd.DataFrame) -> list[str]:
    """The plans with enough customers, some of whom left and some of whom stayed.

    A plan that only leavers have may be a name that was given when they left, such as "ended".
    """
    counts = frame.groupby(plans_of(frame))["has_left"].agg(["size", "mean"])
    usable = counts[(counts["size"] >= MIN_PLAN) & counts["mean"].between(0, 1, "neither")]
    return sorted(name for name in usable.index if name)


def design(frame: pd.DataFrame, plans: list[str], knots: list[list[float]]) -> Floats:
    """The columns of the regression: logs, bends of times and amounts, plans, plans by contract."""
    values = logs(frame)
    bends = [
        np.maximum(values[:, FEATURES.index(name)] - knot, 0)
        for name, of_column in zip(BENT, knots, strict=True)
        for knot in of_column
    ]
    plan = plans_of(frame).to_numpy()
    contract = values[:, FEATURES.index("contract_days")]
    each = [(plan == name).astype(float) for name in plans]
    return np.column_stack([values, *bends, *each, *(column * contract for column in each)])


def fit(frame: pd.DataFrame) -> ChurnModel:
    """Fit on rows with `FEATURES`, `plan`, `has_left` (0 or 1) and `customer_id`.

    The strength of the ridge penalty is chosen by the log loss on customers that a fit has not
    seen, and the calibration (Platt 1999) is fitted on the same held-out scores. The result is
    the same for the same rows.
    """
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    happened = frame["has_left"].to_numpy(int)
    values = logs(frame)
    knots = [
        sorted(
            {float(knot) for knot in np.quantile(values[:, FEATURES.index(name)], [1 / 3, 2 / 3])}
        )
        for name in BENT
    ]
    plans = known_plans(frame)
    columns = design(frame, plans, knots)
    means, deviations = columns.mean(axis=0), columns.std(axis=0)
    deviations = np.where(deviations > 1e-9, deviations, 1.0)
    scaled = (columns - means) / deviations
    people = frame["customer_id"] if "customer_id" in frame else pd.Series(np.arange(len(frame)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    splits = list(folds.split(scaled, happened, people.to_numpy()))
    chosen = LogisticRegressionCV(
        Cs=list(PENALTIES), cv=splits, scoring="neg_log_loss", l1_ratios=(0.0,), max_iter=2_000,
        use_legacy_attributes=False,
    ).fit(scaled, happened)  # fmt: skip
    plain = LogisticRegression(C=float(chosen.C_), max_iter=2_000)
    unseen = cross_val_predict(plain, scaled, happened, cv=splits, method="decision_function")
    slope, offset = _calibration(unseen, happened)
    return ChurnModel(
        plans, knots, means.tolist(), deviations.tolist(), chosen.coef_[0].tolist(),
        float(chosen.intercept_[0]), slope, offset,
    )  # fmt: skip


def _calibration(scores: Floats, happened: NDArray[np.int_]) -> tuple[float, float]:
    """Slope and offset that turn held-out scores into probabilities; the mean rate for noise."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=np.inf, max_iter=2_000).fit(scores.reshape(-1, 1), happened)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        return 0.0, float(logit(happened.mean()))
    return slope, float(fitted.intercept_[0])
