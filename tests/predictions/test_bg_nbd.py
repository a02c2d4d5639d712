"""BG/NBD against published answers, a generated sample, and its own formulas from another side."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.special import betainc, betaln, gammaln

from rapport.predictions import bg_nbd
from rapport.predictions.bg_nbd import BgNbd, Histories
from rapport.predictions.errors import NoFit

from .made_up import simulate

ROUNDED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)


def of_anybody(model: BgNbd, times: list[float]) -> list[float]:
    """Repeat purchases of a new customer; Fader, Hardie and Lee (2005), equation 9."""
    return [float(model.expected_purchases(time, 0, 0, 0)[0]) for time in times]


def probability_of(model: BgNbd, purchases: int, ahead: float) -> float:
    """The chance that a new customer makes just so many repeats; the paper's equation 8."""
    x, share = purchases, ahead / (model.alpha + ahead)
    stays = np.exp(
        betaln(model.a, model.b + x) - betaln(model.a, model.b)
        + gammaln(model.r + x) - gammaln(model.r) - gammaln(x + 1)
        + model.r * np.log1p(-share) + x * np.log(share)
    )  # fmt: skip
    if x == 0:
        return float(stays)
    leaves = np.exp(betaln(model.a + 1, model.b + x - 1) - betaln(model.a, model.b))
    return float(stays + leaves * betainc(x, model.r, share))


@pytest.fixture(scope="module")
def cdnow(reference_dir: Path) -> pd.DataFrame:
    return pd.read_csv(reference_dir / "data" / "cdnow" / "cdnow_customers_summary.csv")


def test_cdnow_gives_the_published_parameters(cdnow: pd.DataFrame) -> None:
    histories = Histories.group(cdnow["frequency"], cdnow["recency"], cdnow["T"])
    assert len(histories.weight) == 1016
    assert histories.weight.sum() == 2357
    model = bg_nbd.fit(histories)
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx(
        [0.242593, 4.413532, 0.792886, 2.425754], rel=1e-5
    )
    assert model.log_likelihood == pytest.approx(-9582.425561, abs=1e-5)
    times = [0.1429, 1, 3, 31.8571, 32, 78]
    assert of_anybody(model, times) == pytest.approx(
        [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8580], abs=5e-5
    )
    assert model.expected_purchases(39, 2, 30.43, 38.86) == pytest.approx([1.2259], abs=5e-5)
    alive = model.p_alive(cdnow["frequency"], cdnow["recency"], cdnow["T"])
    assert alive.mean() == pytest.approx(0.813439, abs=1e-6)


def test_the_published_probabilities_come_out_at_the_published_parameters() -> None:
    assert probability_of(ROUNDED, 10, 2) == pytest.approx(1.07869e-07, rel=1e-5)
    assert probability_of(ROUNDED, 0, 39) == pytest.approx(0.5737864, abs=1e-7)


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return simulate(np.random.default_rng(11), 20_000, 60, r=0.8, alpha=6.0, a=1.2, b=3.0)


def test_a_generated_sample_gives_back_what_it_was_generated_with(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    model = bg_nbd.fit(Histories.group(*sample))
    assert [model.r, model.alpha] == pytest.approx([0.8, 6.0], rel=0.08)
    assert model.a / (model.a + model.b) == pytest.approx(1.2 / 4.2, rel=0.05)


def test_grouping_equal_histories_changes_nothing(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    x, t_x, age = (np.ceil(column[:500]) for column in sample)
    one_by_one = Histories(x, t_x, age, np.ones(500))
    grouped = Histories.group(x, t_x, age)
    assert len(grouped.weight) < 500
    point = np.array([0.1, 0.9, -0.3, 0.4])
    value, gradient = bg_nbd.Likelihood(one_by_one)(point)
    same_value, same_gradient = bg_nbd.Likelihood(grouped)(point)
    assert same_value == pytest.approx(value, rel=1e-12)
    assert same_gradient == pytest.approx(gradient, rel=1e-9)


def test_the_gradient_is_that_of_the_likelihood(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    likelihood = bg_nbd.Likelihood(Histories.group(*(column[:300] for column in sample)))
    for point in ([0.1, 0.9, -0.3, 0.4], [-1.4, 1.5, -0.2, 0.9], [1.0, 3.0, 2.0, -1.0]):
        logs = np.array(point)
        numeric = approx_fprime(logs, lambda at: likelihood(at)[0], 1e-6)
        assert likelihood(logs)[1] == pytest.approx(numeric, rel=1e-3)


@pytest.mark.parametrize("weeks", [2.0, 20.0])
def test_the_expectation_is_the_sum_over_the_probabilities(weeks: float) -> None:
    model = BgNbd(r=2.0, alpha=8.0, a=1.5, b=4.0)
    by_sum = sum(x * probability_of(model, x, weeks) for x in range(300))
    assert of_anybody(model, [weeks]) == pytest.approx([by_sum], rel=1e-6)


def test_what_is_expected_of_a_history_is_what_the_simulated_ones_did() -> None:
    truth = {"r": 1.5, "alpha": 5.0, "a": 0.9, "b": 3.0}
    rng = np.random.default_rng(5)
    rate, leaving = rng.gamma(1.5, 1 / 5.0, 150_000), rng.beta(0.9, 3.0, 150_000)
    now, before, after = np.zeros(150_000), np.zeros(150_000), np.zeros(150_000)
    last, alive = np.zeros(150_000), np.ones(150_000, bool)
    while alive.any():
        now = now + rng.exponential(1 / rate)
        alive &= now <= 40
        before += alive & (now <= 20)
        after += alive & (now > 20)
        last = np.where(alive & (now <= 20), now, last)
        alive &= rng.random(150_000) > leaving
    expected = BgNbd(**truth).expected_purchases(20, before, last, np.full(150_000, 20.0))
    for repeats in (0, 1, 4):
        here = before == repeats
        assert expected[here].mean() == pytest.approx(after[here].mean(), rel=0.05)


def test_a_thousand_purchases_overflow_nothing() -> None:
    model = BgNbd(r=0.24, alpha=4.4, a=0.8, b=2.4)
    last = np.array([0.0, 99.9, 100.0, 5.0])
    repeats, age = np.array([0.0, 1000, 1000, 1000]), np.full(4, 100.0)
    expected = model.expected_purchases(52, repeats, last, age)
    assert np.isfinite(expected).all()
    # Goes on at the same pace, and leaves after each purchase by a beta of 0.8 and 1002.4.
    pace = 52 * 1000.24 / 104.4
    assert expected[2] == pytest.approx(1002.4 / 0.2 * ((1 + pace / 1002.4) ** 0.2 - 1), rel=0.01)
    assert expected[3] == pytest.approx(0, abs=1e-12)  # long gone
    many = Histories(repeats, last, age, np.full(4, 1e6))
    value, gradient = bg_nbd.Likelihood(many)(np.zeros(4))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    more, least = np.append(repeats, [0.0, 2.0]), np.append(last, [0.0, 50.0])
    assert np.isfinite(bg_nbd.fit(Histories.group(more, least, np.full(6, 100.0))).r)


def test_where_nobody_bought_again_there_is_no_fit() -> None:
    with pytest.raises(NoFit, match="second time"):
        bg_nbd.fit(Histories.group(np.zeros(50), np.zeros(50), np.arange(1, 51)))
    with pytest.raises(NoFit):
        bg_nbd.fit(Histories.group([], [], []))


def test_customers_who_do_not_differ_still_give_a_forecast() -> None:
    rng = np.random.default_rng(1)
    sample = simulate(rng, 3_000, 50, r=500.0, alpha=5_000.0, a=400.0, b=3_600.0)
    model = bg_nbd.fit(Histories.group(*sample))
    expected = of_anybody(model, [5.0, 50.0])
    rate, leaving = 0.1, 0.1  # a Poisson process that ends with each purchase by a tenth
    assert expected == pytest.approx(
        (1 - np.exp(-rate * leaving * np.array([5.0, 50.0]))) / leaving, rel=0.05
    )


def test_a_leaving_rate_of_just_one_divides_by_nothing() -> None:
    near, at = (
        BgNbd(r=1.0, alpha=5.0, a=a, b=2.0).expected_purchases(10, 3, 8.0, 9.0)
        for a in (1.0001, 1.0)
    )
    assert at == pytest.approx(near, rel=1e-3)
