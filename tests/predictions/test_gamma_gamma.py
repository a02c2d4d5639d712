"""Gamma-Gamma against published answers and a generated sample."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from rapport.predictions import gamma_gamma
from rapport.predictions.errors import NoFit
from rapport.predictions.gamma_gamma import GammaGamma


def test_cdnow_gives_the_published_parameters(reference_dir: Path) -> None:
    name = "cdnow_customers_summary_with_transactions.csv"
    cdnow = pd.read_csv(reference_dir / "data" / "cdnow" / name)
    assert (cdnow["x"] > 0).sum() == 946
    model = gamma_gamma.fit(cdnow["x"], cdnow["zbar"])
    assert [model.p, model.q, model.v] == pytest.approx([6.24880, 3.74459, 15.44775], rel=1e-5)
    assert model.log_likelihood == pytest.approx(-4055.9232, abs=1e-3)


def made(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    repeats = rng.integers(1, 12, size).astype(float)
    scale = rng.gamma(4.0, 1 / 15.0, size)
    return repeats, rng.gamma(6.0 * repeats, 1 / scale) / repeats


def test_a_generated_sample_gives_back_what_it_was_generated_with() -> None:
    model = gamma_gamma.fit(*made(20_000))
    assert [model.p, model.q, model.v] == pytest.approx([6.0, 4.0, 15.0], rel=0.1)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    likelihood = gamma_gamma.Likelihood(*made(200))
    logs = np.array([1.2, 0.7, 2.9])
    numeric = approx_fprime(logs, lambda at: likelihood(at)[0], 1e-6)
    assert likelihood(logs)[1] == pytest.approx(numeric, rel=1e-3)


def test_the_more_somebody_bought_the_less_everybody_counts() -> None:
    model = GammaGamma(p=6.0, q=4.0, v=15.0)
    nobody, once, often = model.expected_value([0, 1, 1000], [np.nan, 90.0, 90.0])
    assert nobody == pytest.approx(6 * 15 / 3)
    assert nobody < once < often < 90.0
    assert often == pytest.approx(90.0, rel=0.01)


def test_where_nobody_differs_everybody_is_expected_at_the_mean() -> None:
    model = GammaGamma.constant(64.37)
    assert model.expected_value([0, 3, 40], [np.nan, 900.0, 1.0]) == pytest.approx(64.37, rel=1e-4)


def test_without_a_repeat_of_a_value_there_is_no_fit() -> None:
    with pytest.raises(NoFit):
        gamma_gamma.fit([0, 0, 3], [np.nan, np.nan, 0.0])
