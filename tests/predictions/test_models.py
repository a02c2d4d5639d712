"""What each model learns from a signal, and that it does not win without one."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rapport.predictions import (
    backtest,
    churn,
    churn_model,
    contact_time,
    next_product,
    personas,
    single_rules,
)
from rapport.predictions.errors import TooFew
from rapport.predictions.personas import PERSONAS


def subscribers(seed: int, size: int = 800, signal: float = 1.0) -> pd.DataFrame:
    """A month of subscribers who leave by plan, amount, time in contract and tickets."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.integers(0, 40, size) for name in churn.FEATURES}, dtype=float)
    frame["customer_id"] = [f"c{seed}_{number}" for number in range(size)]
    frame["plan"] = rng.choice(["monthly", "yearly"], size)
    frame["contract_days"] = rng.gamma(1.5, 300, size)
    frame["relative_amount"] = rng.uniform(0.3, 2, size)
    frame["kind"] = "contractual"
    odds = -1 + signal * (
        1.6 * (frame["plan"] == "monthly")
        - 0.7 * (np.log1p(frame["contract_days"]) - 5.5)
        + 1.5 * (frame["relative_amount"] - 1)
        + 0.8 * (np.log1p(frame["conversations_60d"]) - 2.8)
    )
    frame["has_left"] = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(int)
    return frame


def months(seed: int, **how: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three months to learn from and the one after them."""
    before = [subscribers(seed + number, **how) for number in range(3)]
    return pd.concat(before, ignore_index=True), subscribers(seed + 3, **how)


def figure(of: backtest.Backtest, metric: str) -> backtest.Figure:
    return next(one for one in of.figures if one.metric == metric)


def test_a_churn_model_beats_the_best_rule_of_one_column_where_several_tell() -> None:
    judged = churn.judge(*months(10))
    assert judged.beats_baseline
    area = figure(judged, "auc")
    assert area.baseline is not None
    assert area.value > area.baseline + 0.05


def test_a_churn_model_is_not_published_for_noise_or_for_what_one_column_tells() -> None:
    for seed in (0, 10, 30):
        assert not churn.judge(*months(seed, signal=0.0)).beats_baseline

    def one_column(seed: int) -> pd.DataFrame:
        frame = subscribers(seed)
        rng = np.random.default_rng(seed)
        late = frame["days_since_seen"] > 20
        return frame.assign(has_left=(rng.random(len(frame)) < 0.1 + 0.6 * late).astype(int))

    assert not churn.judge(one_column(1), one_column(2)).beats_baseline


def test_a_churn_model_is_calibrated_and_its_best_tenth_holds_more_leavers() -> None:
    before, after = months(20, size=3000)
    parts = churn.judge(before, after).deciles
    assert sum(part.customers for part in parts) == 3000
    assert backtest.calibration_error(parts) < 0.03
    assert parts[0].share_of_actual is not None
    assert parts[0].share_of_actual > 0.15
    assert parts[-1].share_of_actual == pytest.approx(1.0)
    model = churn.estimate(before)
    assert model.probability(before).mean() == pytest.approx(before["has_left"].mean(), abs=0.01)
    assert model.probability(after).mean() == pytest.approx(after["has_left"].mean(), abs=0.04)


def test_the_same_rows_give_the_same_model() -> None:
    rows = subscribers(5)
    assert churn.estimate(rows) == churn.estimate(rows.copy())
    kept = json.loads(json.dumps(asdict(churn.estimate(rows))))
    again = churn_model.ChurnModel(**kept).probability(rows)
    assert (again == churn.estimate(rows).probability(rows)).all()


def test_a_plan_that_only_leavers_have_is_no_plan() -> None:
    rows = subscribers(5)
    rows.loc[rows["has_left"] == 1, "plan"] = "ended"
    assert churn.estimate(rows).plans == []
    assert "plan" not in single_rules.forecasts(rows, rows)


def test_a_churn_model_abstains_where_nobody_left() -> None:
    stays = subscribers(1).assign(has_left=0)
    with pytest.raises(TooFew, match="0 customers left"):
        churn.estimate(stays)
    with pytest.raises(TooFew, match="0 customers left"):
        churn.judge(subscribers(1), stays)


def test_the_noise_of_a_difference_of_areas_is_what_resampling_finds() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    happened = (rng.random(400) < 1 / (1 + np.exp(-truth))).astype(float)
    first, second = truth + rng.normal(size=400), truth + rng.normal(0, 2, 400)
    drawn = [rng.integers(0, 400, 400) for _ in range(800)]
    gaps = [
        backtest.auc(first[rows], happened[rows]) - backtest.auc(second[rows], happened[rows])
        for rows in drawn
    ]
    found = backtest.auc_noise(first, second, happened)
    assert found == pytest.approx(float(np.std(gaps)), rel=0.1)
    assert backtest.auc_noise(first, first, happened) == 0


def bought(seed: int, tastes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What 400 people had, and what each bought next, by tastes that divide 12 products."""
    rng = np.random.default_rng(seed)
    before, later = [], []
    for number in range(400):
        shelf = np.arange(12).reshape(tastes, -1)[number % tastes]
        had = rng.choice(shelf, 3, replace=False)
        before += [(f"c{number:03d}", f"p{product:02d}", True) for product in had[:2]]
        later.append((f"c{number:03d}", f"p{had[2]:02d}"))
    columns = ["customer_id", "product_id", "is_bought"]
    return pd.DataFrame(before, columns=columns), pd.DataFrame(later, columns=columns[:2])


def test_suggestions_win_where_tastes_differ_and_not_where_they_do_not() -> None:
    assert next_product.judge(*bought(1, tastes=3)).beats_baseline
    assert not next_product.judge(*bought(1, tastes=1)).beats_baseline


def test_nobody_is_told_to_buy_what_they_have() -> None:
    before, _ = bought(1, tastes=3)
    suggestions = next_product.suggest(next_product.learn(before), before)
    assert set(suggestions.groupby("customer_id").size()) <= {1, 2, 3}
    both = suggestions.merge(before, on=["customer_id", "product_id"])
    assert both.empty
    reasons = suggestions.merge(
        before,
        left_on=["customer_id", "because_product_id"],
        right_on=["customer_id", "product_id"],
    )
    assert len(reasons) == len(suggestions)


def test_suggestions_do_not_depend_on_the_order_of_rows() -> None:
    before, _ = bought(1, tastes=3)
    mixed = before.sample(frac=1, random_state=4)
    key = ["customer_id", "rank"]
    first, second = (
        next_product.suggest(next_product.learn(rows), rows).sort_values(key, ignore_index=True)
        for rows in (before, mixed)
    )
    pd.testing.assert_frame_equal(first, second)


def test_one_product_alone_suggests_nothing() -> None:
    rows = pd.DataFrame({"customer_id": [f"c{n}" for n in range(300)]})
    with pytest.raises(TooFew):
        next_product.learn(rows.assign(product_id="p1", is_bought=True))


def scores(**traits: float) -> np.ndarray:
    return np.array([[traits.get(name, 0.0) for name in PERSONAS]])


def test_a_persona_changes_by_a_clear_margin_only() -> None:
    regular = pd.Series(["regular_buyer"])
    near = scores(regular_buyer=0.60, big_spender=0.70)
    clear = scores(regular_buyer=0.60, big_spender=0.80)
    assert personas.choose(near, regular).tolist() == ["regular_buyer"]
    assert personas.choose(clear, regular).tolist() == ["big_spender"]
    assert personas.choose(near, pd.Series([None])).tolist() == ["big_spender"]


def test_who_shows_nothing_is_quiet() -> None:
    assert personas.choose(scores(), pd.Series([None])).tolist() == ["quiet"]
    assert personas.choose(scores(), pd.Series(["a name of long ago"])).tolist() == ["quiet"]


def signs(hours: dict[str, list[int]]) -> pd.DataFrame:
    rows = [(who, hour, 1) for who, all_of in hours.items() for hour in all_of]
    frame = pd.DataFrame(rows, columns=["customer_id", "hour", "signs"])
    return frame.groupby(["customer_id", "hour"], as_index=False)["signs"].sum()


def test_an_hour_has_its_neighbours_across_midnight() -> None:
    rows = signs({"owl": [23, 23, 0, 0, 0, 1, 9, 9, 9]})
    assert contact_time.best_hours(rows)["owl"] == 0


def test_hours_win_where_people_differ_and_not_where_they_do_not() -> None:
    rng = np.random.default_rng(3)
    apart = {f"c{n}": [8 if n % 2 else 20] * 8 for n in range(60)}
    anyhow = {f"c{n}": rng.integers(0, 24, 8).tolist() for n in range(60)}
    later = {f"c{n}": rng.integers(0, 24, 8).tolist() for n in range(60)}
    hours = contact_time.best_hours
    assert contact_time.judge(signs(apart), signs(apart), hours).beats_baseline
    assert not contact_time.judge(signs(anyhow), signs(later), hours).beats_baseline


def test_a_channel_that_most_people_use_breaks_a_tie() -> None:
    rows = pd.DataFrame(
        [("a", "chat", 2), ("a", "email", 2), ("b", "email", 9), ("c", "chat", 3)],
        columns=["customer_id", "channel", "signs"],
    )
    best = contact_time.best_channels(rows)
    assert best.to_dict() == {"a": "email", "b": "email", "c": "chat"}


def test_a_figure_must_be_better_by_a_hundredth_and_by_more_than_chance() -> None:
    assert backtest.Figure("error", 0.98, 1.0, -1).beats_baseline
    assert not backtest.Figure("error", 0.995, 1.0, -1).beats_baseline
    assert not backtest.Figure("error", 0.98, 1.0, -1, noise=0.02).beats_baseline
    assert backtest.Figure("hits", 0.5, 0.4, 1).beats_baseline
    assert not backtest.Figure("hits", float("nan"), 0.4, 1).beats_baseline
    assert not backtest.Backtest([backtest.Figure("only told", 9.0, 1.0)]).beats_baseline
