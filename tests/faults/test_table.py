"""The table of faults says what is there, and every fault point is reached by a test."""

import re
from pathlib import Path

import pytest

from rapport import faults

from . import mutants, table

TESTS = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", sorted(table.tests()))
def test_what_the_table_names_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    text = (TESTS / path).read_text()
    assert re.search(rf"^def {function}\(|^{function} =", text, re.MULTILINE)


def test_every_row_is_covered_or_says_why_not() -> None:
    rows = table.rows()
    assert list(rows) == list(range(1, 96))
    for number, row in rows.items():
        assert len({"tests", "not", "open"} & row.keys()) == 1, number


def test_the_page_is_made_of_the_rows() -> None:
    assert (TESTS / "faults" / "README.md").read_text() == table.table(), (
        "run python tests/faults/table.py"
    )


@pytest.mark.parametrize("point", sorted(faults.POINTS))
def test_every_point_is_reached_by_a_test(point: str) -> None:
    area = point.split(".")[0]
    texts = [path.read_text() for path in TESTS.rglob("test_*.py") if path.name != "test_table.py"]
    assert any(point in text or f'startswith("{area}.")' in text for text in texts)


@pytest.mark.parametrize("mutant", mutants.mutants(), ids=lambda mutant: mutant.guard)
def test_every_guard_that_is_taken_out_stands_where_it_is_said(mutant: mutants.Mutant) -> None:
    whole = mutant.path(TESTS.parent).read_text()
    assert mutant.without(whole) != whole
    path, _, function = mutant.test.partition("::")
    assert f"\ndef {function}(" in (TESTS / path).read_text()
