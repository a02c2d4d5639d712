"""CSV in every dialect: the same cells as pandas and DuckDB read from a well-formed file."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.connectors.files import formats
from rapport.connectors.files.datasets import Dataset

NAMES = ("id", "note", "Größe")
# What makes trouble in a cell, more often than chance would bring it.
SIGNS = st.sampled_from(
    [*",;|\t'\"\n\r ", "\r\n", '""', "ä", "€", "x", "1", "NULL", "#", "\\", "\u2028", "\x0b", "日"]
)
CELL = st.lists(SIGNS, max_size=6).map("".join)
TABLE = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12)


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    quote: str
    end: str
    is_quoted: bool


DIALECTS = st.builds(
    Dialect, st.sampled_from(",;|\t"), st.sampled_from("\"'"), st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)  # fmt: skip


def written(table: Sequence[Sequence[str]], dialect: Dialect) -> str:
    signs = f"{dialect.delimiter}{dialect.quote}\r\n"

    def cell(text: str) -> str:
        if not dialect.is_quoted and not any(sign in text for sign in signs):
            return text
        return f"{dialect.quote}{text.replace(dialect.quote, 2 * dialect.quote)}{dialect.quote}"

    rows = (dialect.delimiter.join(map(cell, row)) for row in [NAMES, *table])
    return dialect.end.join([*rows, ""])


def read(content: bytes, **options: object) -> list[Mapping[str, object]]:
    dataset = Dataset.model_validate({"path": "x", "format": "csv", "entity": "orders", **options})
    found = list(formats.rows(io.BytesIO(content), dataset, ()))
    assert [row.problem for row in found if row.problem] == []
    return [dict(row.values) for row in found]


def told_apart(table: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Rows whose first cell says that they are rows: blank lines are none."""
    return [(f"r{number}", row[1], row[2]) for number, row in enumerate(table)]


@settings(max_examples=300, deadline=None)
@given(TABLE, DIALECTS)
def test_cells_are_those_that_pandas_reads(
    table: list[tuple[str, str, str]], dialect: Dialect
) -> None:
    text = written(told_apart(table), dialect)
    theirs = pandas.read_csv(
        io.StringIO(text, newline=""), sep=dialect.delimiter, quotechar=dialect.quote, dtype=str,
        keep_default_na=False,
    )  # fmt: skip
    ours = read(text.encode(), delimiter=dialect.delimiter, quote=dialect.quote)
    assert ours == theirs.to_dict("records")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TABLE, DIALECTS)
def test_cells_are_those_that_duckdb_reads(
    tmp_path: Path, table: list[tuple[str, str, str]], dialect: Dialect
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(written(told_apart(table), dialect).encode())
    theirs = duckdb.read_csv(
        str(path), delimiter=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.quote,
        all_varchar=True, header=True, null_padding=False,
    )  # fmt: skip
    ours = read(path.read_bytes(), delimiter=dialect.delimiter, quote=dialect.quote)
    found = [tuple(row.values()) for row in ours]
    assert found == [tuple(cell or "" for cell in row) for row in theirs.fetchall()]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "cp037"])
@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text(st.sampled_from('aäß ,"\n\r'), max_size=5)] * 2), min_size=1, max_size=6
    )
)
def test_a_file_reads_the_same_in_every_encoding_and_with_every_line_end(
    encoding: str, end: str, table: list[tuple[str, str]]
) -> None:
    rows = told_apart([("", *row) for row in table])
    text = written(rows, Dialect(",", '"', end, False))
    found = read(text.encode(encoding), encoding=encoding)
    assert [tuple(row.values()) for row in found] == rows


@settings(max_examples=200, deadline=None)
@given(TABLE, st.integers(1, 9))
def test_cells_do_not_depend_on_where_a_block_ends(
    table: list[tuple[str, str, str]], size: int
) -> None:
    text = written(told_apart(table), Dialect(",", '"', "\r\n", False)).encode()
    whole = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapport.connectors.files.text.BLOCK", size)
        patch.setattr("rapport.connectors.files.cells.MOST", size)
        assert read(text) == whole


BROKEN = st.lists(
    st.lists(st.sampled_from([b'"', b'""', b",", b"a", b"\xff", b"\r", b" "]), max_size=8),
    max_size=20,
).map(lambda lines: b"\n".join(map(b"".join, lines)))


def taken(content: bytes) -> list[tuple[int, bytes, object, str | None]]:
    dataset = Dataset(path="x", format="csv", entity="orders", header=("a", "b"))
    found = formats.rows(io.BytesIO(b"x,y\n" + content), dataset, ())
    return [(row.number, row.original, dict(row.values), row.problem) for row in found]


@settings(max_examples=500, deadline=None)
@given(BROKEN)
def test_no_line_is_lost_whatever_stands_in_it(content: bytes) -> None:
    lines = [line.rstrip(b"\r") for line in content.split(b"\n")]
    given = [b"x,y", *(line for line in lines if line.strip())]
    assert b"\n".join(original for _, original, _, _ in taken(content)) == b"\n".join(given)


@settings(max_examples=500, deadline=None)
@given(BROKEN)
def test_rows_in_bulk_are_those_that_are_read_one_by_one(content: bytes) -> None:
    in_bulk = taken(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapport.connectors.files.cells.MOST", 1)
        patch.setattr("rapport.connectors.files.cells.FEWEST", 1)
        assert taken(content) == in_bulk
