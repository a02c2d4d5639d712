"""What each model learns from a signal, and that it does not win without one."""

import numpy as np
import pandas as pd
import pytest

from rapport.predictions import backtest, churn, contact_time, logistic, next_product, personas
from rapport.predictions.errors import TooFew
from rapport.predictions.personas import PERSONAS


def test_the_mean_probability_is_the_share_that_happened() -> None:
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.normal(size=2_000), np.full(2_000, 7.0)])
    happened = (rng.random(2_000) < 1 / (1 + np.exp(1.5 - 2 * features[:, 0]))).astype(float)
    model = logistic.fit(features, happened)
    assert model.probability(features).mean() == pytest.approx(happened.mean(), abs=1e-6)
    assert model.weights[0] / model.deviations[0] == pytest.approx(2.0, rel=0.15)
    assert model.weights[1] == 0.0


def leavers(seed: int, signal: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.integers(0, 40, 800) for name in churn.FEATURES}, dtype=float)
    odds = -1 + signal * (np.log1p(frame["days_since_visit"]) - 2.8)
    frame["kind"] = "contractual"
    frame["has_left"] = (rng.random(800) < 1 / (1 + np.exp(-odds))).astype(int)
    return frame


def test_a_churn_model_wins_by_a_signal_and_not_by_noise() -> None:
    assert churn.judge(leavers(1, 1.5), leavers(2, 1.5)).beats_baseline
    by_noise = [
        churn.judge(leavers(seed, 0.0), leavers(seed + 100, 0.0)).beats_baseline
        for seed in range(20)
    ]
    assert sum(by_noise) <= 1


def test_a_churn_model_is_calibrated_and_its_best_tenth_holds_more_leavers() -> None:
    parts = churn.judge(leavers(1, 1.5), leavers(2, 1.5)).deciles
    assert sum(part.customers for part in parts) == 800
    assert backtest.calibration_error(parts) < 0.07
    assert parts[0].share_of_actual is not None
    assert parts[0].share_of_actual > 0.1
    assert parts[-1].share_of_actual == pytest.approx(1.0)


def test_a_churn_model_abstains_where_nobody_left() -> None:
    stays = leavers(1, 1.0).assign(has_left=0)
    with pytest.raises(TooFew, match="0 customers left"):
        churn.estimate(stays)


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
