"""CSV as people have it: headers, feet, quotes that are never closed, cells of any length."""

import io
import time
from collections.abc import Mapping
from typing import Any

import pytest

from rapport.connectors.files import formats
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row


def rows(content: bytes, needed: tuple[str, ...] = (), /, **options: Any) -> list[Row]:
    dataset = Dataset(**{"path": "x", "format": "csv", "entity": "orders", **options})
    return list(formats.rows(io.BytesIO(content), dataset, needed))


def read(
    content: bytes, needed: tuple[str, ...] = (), /, **options: Any
) -> list[Mapping[str, Any]]:
    found = rows(content, needed, **options)
    assert [row.problem for row in found if row.problem] == []
    return [dict(row.values) for row in found]


def refused(content: bytes, needed: tuple[str, ...] = (), /, **options: Any) -> str:
    with pytest.raises(FileError) as caught:
        rows(content, needed, **options)
    return str(caught.value)


def problems(content: bytes, **options: Any) -> list[tuple[int, str | None]]:
    return [(row.number, row.problem) for row in rows(content, **options)]


PASTED = "T9,evil@q.example,pasted\n"


@pytest.mark.parametrize("count", [1, 199, 200, 212, 10_000])
def test_a_row_ends_where_its_quote_ends(count: int) -> None:
    cell = "hello\n" + PASTED * count + "bye"
    content = f'id,email,text\nT4,x@q.example,"{cell}"\nT5,y@q.example,short\n'
    found = read(content.encode())
    assert [row["id"] for row in found] == ["T4", "T5"]
    assert found[0]["text"] == cell


def test_a_cell_may_be_longer_than_the_csv_module_allows() -> None:
    cell = "x," * 1_000_000
    assert read(f'id,text\n1,"{cell}"\n'.encode())[0]["text"] == cell


def test_line_ends_and_blank_lines_in_a_cell_stay_as_they_are() -> None:
    assert read(b'id,a\r\n1,"x\r\n\r\n \ny"\r\n')[0]["a"] == "x\r\n\r\n \ny"


def test_a_pasted_carriage_return_ends_no_row() -> None:
    assert read(b"id,a\n1,hello\rT9 evil\n2,\"q\rr\"\n") == [
        {"id": "1", "a": "hello\rT9 evil"}, {"id": "2", "a": "q\rr"},
    ]  # fmt: skip
    assert problems(b'id,a\n1,hello\rT9,evil\n2,"x"\n') == [
        (2, "3 columns instead of 2"), (3, None),
    ]  # fmt: skip


def test_a_cell_that_cannot_be_decoded_keeps_what_was_pasted_into_it_from_becoming_rows() -> None:
    content = b'id,a\n1,"gr\xfc\xdf\n2,pasted\n\x00"\n3,x\n'
    assert problems(content) == [
        (2, "not utf-8; it reads as cp1252: write `encoding: cp1252`"), (5, None),
    ]  # fmt: skip


def test_an_open_quote_costs_its_own_line_only() -> None:
    assert problems(b'id,a\n1,"open\n2,x\n3,"y"\n4,"also open\n5,z\n') == [
        (2, "a quote is not closed"), (3, None), (4, None), (5, "a quote is not closed"), (6, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'1,"a "quoted" word"', "',' expected after '\"'"),
        (rb'1,"a \"quoted\" word"', "a quote is escaped with a backslash. Export the file with "
         "quotes written twice"),
        (b"1", "1 columns instead of 2"),
        (b"1,2,3", "3 columns instead of 2"),
        (b"1;x", "1 columns instead of 2; there are 2 with `delimiter: semicolon`"),
    ],
)  # fmt: skip
def test_a_broken_row_is_set_aside_with_a_reason(line: bytes, problem: str) -> None:
    content = b"id,a\n" + line + b"\n2,x\n"
    assert problems(content) == [(2, problem), (3, None)]
    assert rows(content)[0].original == line


def test_a_quote_in_a_cell_without_quotes_is_a_sign() -> None:
    assert read(b'id,a\n1,5" pipe\n2,"6"" pipe"\n') == [
        {"id": "1", "a": '5" pipe'}, {"id": "2", "a": '6" pipe'},
    ]  # fmt: skip


HOSTILE = {
    "one open quote": b'"x\n' + b"y,z\n" * 200_000,
    "an open quote a line": b'a,"""\n' * 100_000,
    "a quote a line": b'a,"b\n' * 100_000,
    "quotes written twice": b'"x\n' + b'""\n' * 200_000,
    "backslashes": b'1,"a\\"b"\n' * 100_000,
    "open quotes that fail together": b'x"",","""\n' * 100_000 + b'",x"y\n',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_file_costs_more_than_its_length(kind: str) -> None:
    started = time.process_time()
    found = rows(b"id,a\n" + HOSTILE[kind])
    assert time.process_time() - started < 15
    assert sum(len(row.original) + 1 for row in found) == len(HOSTILE[kind])


@pytest.mark.parametrize("head", [b"sep=;\n", b'"sep=;"\r\n', b"\xef\xbb\xbfsep=;\r\n"])
def test_the_delimiter_that_the_first_line_says_is_obeyed(head: bytes) -> None:
    assert read(head + b"id;sum\n1;2,5\n", ("id",)) == [{"id": "1", "sum": "2,5"}]


def test_lines_above_and_below_the_table_are_skipped() -> None:
    content = b"Report\n\nid,a\n1,2\n3,4\n\nTotal,6\nPrinted today\n\n\n"
    assert read(content, ("id",), header_row=3, skip_foot=3) == [
        {"id": "1", "a": "2"}, {"id": "3", "a": "4"},
    ]  # fmt: skip
    assert len(read(content, header_row=4, skip_foot=3, header=["n", "m"])) == 2


def test_a_header_further_down_is_found_and_said() -> None:
    content = b"Report\nof March,\nid,sum\n1,2\n"
    assert refused(content, ("sum",)) == "has its header in line 3. Write `header_row: 3`"


def test_a_missing_column_is_refused_with_the_names_that_come_close() -> None:
    assert refused(b"ID,E-Mail ,x\n", ("id", "email")) == (
        "has no columns id, email, which rapport.yml needs; line 1 has 3 columns; there is `ID`, "
        "`E-Mail`"
    )


def test_data_in_place_of_names_is_not_shown() -> None:
    said = refused(b"1,dora@x.example,Dora\n", ("dora_x_example",))
    assert "dora@" not in said


def test_a_header_with_another_delimiter_says_the_option() -> None:
    assert "Write `delimiter: semicolon`" in refused(b"id;sum\n1;2\n", ("id",))
    assert "Write `delimiter: tab`" in refused(b"id\tsum\n", ("id",))


def test_a_name_that_stands_twice_is_refused_only_where_it_is_needed() -> None:
    content = b",id,note,note,\n0,1,a,b,\n"
    assert read(content, ("id",)) == [
        {"column_1": "0", "id": "1", "note": "a", "note_2": "b", "column_5": ""}
    ]
    assert "line 1 names the column note 2 times" in refused(content, ("note",))


def test_a_delimiter_at_the_end_of_lines_is_no_column() -> None:
    assert read(b"id,a\n1,2,\n3,4,,\n") == [{"id": "1", "a": "2"}, {"id": "3", "a": "4"}]
    assert read(b"id,a,\n1,2\n") == [{"id": "1", "a": "2"}]


def test_given_names_are_checked_too() -> None:
    said = refused(b"1,2\n", ("sum",), header=["id", "amount"])
    assert "has no column sum, which rapport.yml needs; the list under `header` has 2" in said


def test_a_header_beyond_the_end_is_refused() -> None:
    assert refused(b"id\n1\n", header_row=7) == "has no header at line 7: its last line is 2"


def test_a_second_mark_and_the_end_of_a_dos_file_are_no_content() -> None:
    assert read(b"\xef\xbb\xbf\xef\xbb\xbfid,a\r\n1,2\r\n\x1a", ("id",)) == [{"id": "1", "a": "2"}]


def test_an_empty_file_has_no_rows() -> None:
    assert rows(b"", ("id",)) == []
    assert rows(b"\n\n", ("id",)) == []


@pytest.mark.parametrize("encoding", ["cp1250", "iso8859-2", "mac-latin2", "utf-16", "utf-7"])
def test_a_declared_encoding_is_read(encoding: str) -> None:
    content = 'id,a\n1,Łódź\n2,"x\ny"\n'.encode(encoding)
    assert read(content, encoding=encoding) == [{"id": "1", "a": "Łódź"}, {"id": "2", "a": "x\ny"}]
