"""What a stranger wrote is text in every spreadsheet, and comes back as it was."""

import csv
import io
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.safe_csv import escaped, unescaped, writer

ATTACKS = [
    "=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", ' "=1', "'=1", "+49x", "-1+cmd|x",
    "Max;=1+cmd", "Max,=1+cmd", "Max\t=1", "Max\n=1", "Max\r=1", "Max|@x", 'Max; "=1', "Max;;=1",
    "a;b;-2+3", "Max;\t '=1", "＝1+1",
]  # fmt: skip
RUN = set("=+-@＝＋－＠")


def parts(text: str, delimiter: str) -> list[str]:
    """The cells of a one-celled file that somebody opens with another separator."""
    file = io.StringIO(newline="")
    writer(file).writerow(["id", escaped(text), "end"])
    file.seek(0)
    return [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]


def runs(cell: str) -> bool:
    """Whether a spreadsheet would take it for a formula; a number is none."""
    bare = cell.strip(' \t\r\n"')
    try:
        float(bare)
    except ValueError:
        return bare[:1] in RUN
    return False


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("text", ATTACKS)
def test_no_cell_is_a_formula_whatever_the_file_is_split_at(text: str, delimiter: str) -> None:
    assert not [cell for cell in parts(text, delimiter) if runs(cell)]


@given(st.text(alphabet=";,|\t\n\r'\"=+-@ 1a", max_size=30))
def test_no_text_is_a_formula_and_every_text_comes_back(text: str) -> None:
    for delimiter in ",;\t|":
        assert not [cell for cell in parts(text, delimiter) if runs(cell)]
    assert unescaped(escaped(text)) == text


def test_a_list_is_json_for_who_reads_it_and_no_formula() -> None:
    value = ["=1", "Max;=1", {"a;@x": ["-1", "x,+1", 1]}, "a-b"]
    assert json.loads(escaped(value)) == value
    assert not [part for part in re.split("[;,]", escaped(value)) if runs(part)]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""), (True, "true"), (-3.5, "-3.5"), ("-3.5", "-3.5"), ("+4930123456",) * 2,
        ("+49 30 123456",) * 2, ([1, -2], "[1, -2]"), ({"a": -1}, '{"a": -1}'), ("a-b=c",) * 2,
        ("2026-03-30T12:00:00+00:00",) * 2, ("anna+news@example.com",) * 2, ("O'Brien; Max",) * 2,
    ],
)  # fmt: skip
def test_what_is_no_formula_stays_as_it_is(value: object, cell: str) -> None:
    assert escaped(value) == cell


@pytest.mark.parametrize("text", [" " * 10**6 + "x", ";=" * 500_000, "\t" * 10**6, "'\"" * 500_000])
def test_a_hostile_cell_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    assert unescaped(escaped(text)) == text
    assert time.process_time() - started < 5
