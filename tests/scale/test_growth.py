"""Nothing that a run does grows faster than the company.

Rows are counted, not seconds. `make growth` measures larger companies and prints a table.
"""

import os
from typing import Any

import psycopg
import pytest

from .growth import QUADRATIC, Measured, exponent, measure, table, without_statistics

pytestmark = pytest.mark.slow

SIZES = [int(size) for size in os.environ.get("RAPPORT_GROWTH", "150 600").split()]
MOST = 1.15
# Below so many rows, constants and chance decide.
FEW = 50_000


@pytest.fixture(scope="module")
def measured(
    postgres: str, template: str, superuser: str, tmp_path_factory: pytest.TempPathFactory
) -> Measured:
    return measure(SIZES, tmp_path_factory.mktemp("growth"), postgres, template, superuser)


def too_fast(measured: Measured) -> dict[str, list[int]]:
    return {
        name: rows
        for name, rows in measured.rows.items()
        if rows[-1] > FEW and exponent(measured.sizes, rows) > MOST
    }


def test_no_step_and_no_model_grows_faster_than_the_company(
    measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    if "RAPPORT_GROWTH" in os.environ:
        with capsys.disabled():
            print(f"\n{table(measured)}")
    steps = {"build staging", "resolve customers", "build marts", "publish", "plan", "push files"}
    assert steps <= measured.rows.keys()
    assert len(measured.rows) > 150
    # The only one is the statement that shows that such growth is found.
    assert too_fast(measured).keys() == {QUADRATIC}, table(measured)


def test_no_plan_depends_on_autovacuum(measured: Measured) -> None:
    # The next plan analyzes what a push has written, and no statement of a push needs statistics.
    pushed = {"activation.ledger", "activation.receipts", "activation.sync_changelog"}
    assert sorted(measured.without_statistics - pushed) == []


def test_a_table_that_nobody_analyzed_is_found(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create table raw.unknown as select n from generate_series(1, 1000) as n")
    assert "raw.unknown" in without_statistics(warehouse)
    warehouse.execute("analyze raw.unknown")
    assert "raw.unknown" not in without_statistics(warehouse)
