"""CSV files as tables: what lands of them is what lands of their rows one by one."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.connectors.files import csv_tables, formats
from rapport.connectors.files.csv_tables import FileTable
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.file_rows import FileRows
from rapport.connectors.files.places import find
from rapport.connectors.files.row_keys import identity_of
from rapport.connectors.files.rows import Rows
from rapport.vendors.mapped import MappedSource, MappedStream
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.table import Table
from rapport.vendors.source import Rejected

MAPPED = {
    "orders": (
        "order_id",
        "customer_id",
        "email",
        "ordered_at",
        "amount",
        "currency",
        "status",
        "quantity",
        "unit_price",
        "order_amount",
        "updated_at",
    ),
    "contacts": ("customer_id", "email", "phone", "full_name", "additional_emails", "created_at"),
    "web_events": ("event_id", "device_id", "user_id", "event_name", "occurred_at", "url"),
    "survey_responses": ("response_id", "customer_id", "question_id", "score", "responded_at"),
}
PLAIN = {
    "ordered_at": "2026-02-0{} 10:00:00", "created_at": "2026-02-0{}T10:00:00Z",
    "occurred_at": "2026-02-0{}", "responded_at": "2026-02-0{}", "email": "p{}@shop.example",
    "additional_emails": "q{}@shop.example", "amount": "{}.50", "currency": "EUR",
    "quantity": "{}", "unit_price": "{}", "order_amount": "1{}.00",
    "updated_at": "2026-02-0{} 10:00:00 +0100", "status": "completed", "phone": "+49 30 90182{}",
    "score": "{}",
}  # fmt: skip
ODD = (
    "", " ", "0", "-", "NULL", "zzz", "1.234", "1,5", "31.12.2025", "2026-02-01 25:00", "guest",
    "a@x.example; b@x.example", 'say "hi"', "a,b", "two\nlines", "Größe", "back\\slash", "a\ttab",
    "total", "A-1", "A-2", "EUR 5", "9999-12-31", "\ufeffmark", "x" * 300,
)  # fmt: skip


PAYLOADS_OF = MappedStream.payloads_of


class Somewhere(MappedSource):
    name = "files"

    def streams(self) -> Sequence[Rows]:
        return []


def table_of(entity: str) -> st.SearchStrategy[list[dict[str, str]]]:
    """Rows that are plain but for a cell here and there."""

    def cell(name: str) -> st.SearchStrategy[str]:
        return st.integers(1, 9).map(PLAIN.get(name, "A-{}").format)

    row = st.fixed_dictionaries({name: cell(name) for name in [*MAPPED[entity], "note"]})
    spoiled = st.lists(
        st.tuples(
            st.integers(0, 99), st.sampled_from([*MAPPED[entity], "note"]), st.sampled_from(ODD)
        ),
        max_size=4,
    )

    def with_odd(rows: list[dict[str, str]], odd: list[tuple[int, str, str]]) -> Any:
        for at, name, text in odd:
            rows[at % len(rows)][name] = text
        return rows

    return st.builds(with_odd, st.lists(row, min_size=1, max_size=9), spoiled)


def payloads_of(stream: MappedStream, table: Table, more: Mapping[str, Sequence[Any]]) -> Any:
    """Those of a table, which are byte for byte those of its rows."""
    found = PAYLOADS_OF(stream, table, more)
    if found is not None:
        odd = Counter(stream.row_reader.odd)
        members = [{name: more[name][at] for name in more} for at in range(len(table))]
        expected = stream.payloads(table.rows(), [None] * len(table), members)
        stream.row_reader.odd = odd
        given = [found[1].get(at, payload) for at, payload in enumerate(found[0])]
        assert list(map(as_text, given)) == list(map(as_text, expected))
    return found


def as_text(one: bytes | Unreadable) -> str:
    return one.decode() if isinstance(one, bytes) else str(one)


def landed(
    path: Path, dataset: Dataset, *, one_by_one: bool
) -> tuple[dict[str, Any], list[Rejected], Counter[Any]]:
    """The last record of each key with its line, what is rejected, how many cells are odd."""
    stream = Rows.of("shop", dataset, Somewhere())
    (file,) = find(str(path))
    records: dict[str, Any] = {}
    rejected: list[Rejected] = []
    odd: Counter[Any] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(csv_tables, "reader", lambda *_: None)
        patch.setattr(MappedStream, "payloads_of", payloads_of)
        for page in FileRows(stream, dataset, identity_of(dataset), file).pages():
            keys = [stream.read_key(record).key for record in page.records]
            assert page.keys is None or list(page.keys) == keys
            assert page.where is not None
            for at, (key, record) in enumerate(zip(keys, page.records, strict=True)):
                records[key] = page.where(at), msgspec.json.decode(record)
            rejected += page.rejected
            odd.update(page.odd)
    return records, sorted(rejected, key=lambda one: one.reason), odd


@settings(max_examples=900, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_table_lands_as_its_rows_do(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    entity = data.draw(st.sampled_from(sorted(MAPPED)))
    key, rows = data.draw(
        st.sampled_from(
            [((), None), (MAPPED[entity][:1], None), (MAPPED[entity][:2], None)]
            + ([((), "events")] if entity == "web_events" else [])
            + ([((), "lines")] if entity == "orders" else [((), "snapshot")])
        )
    )
    mapped = MAPPED[entity]
    if key == () and data.draw(st.booleans()) and entity != "orders":
        mapped = mapped[1:]
    columns: dict[str, Any] = {name: f"c {name}" for name in mapped}
    for name in data.draw(st.lists(st.sampled_from(mapped[2:]), max_size=4)):
        columns.pop(name, None)
    for name in data.draw(st.lists(st.sampled_from(["currency", "quantity"]), max_size=1)):
        if name in columns:
            columns[name] = {"value": {"currency": "EUR", "quantity": "2"}[name]}
    dataset = Dataset(
        path="x", format="csv", entity=entity, key=[f"c {name}" for name in key], rows=rows,
        columns=columns, delimiter=data.draw(st.sampled_from(",;\t")),
        encoding=data.draw(st.sampled_from(["utf-8", "cp1252"])),
    )  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=dataset.delimiter,
        quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])),
    )  # fmt: skip
    drawn = data.draw(table_of(entity))
    writer.writerow([f"c {name}" for name in drawn[0]])
    for row in drawn:
        writer.writerow(row.values())
    path = tmp_path_factory.mktemp("tables", numbered=True) / "shop.csv"
    path.write_bytes(text.getvalue().encode(dataset.encoding, "replace"))
    as_tables = landed(path, dataset, one_by_one=False)
    assert as_tables == landed(path, dataset, one_by_one=True)


def pieces(content: bytes, **options: Any) -> list[str]:
    """How the rows of a file come."""
    dataset = Dataset(path="x", format="csv", entity="orders", **options)
    found = formats.rows_and_tables(io.BytesIO(content), dataset, ())
    return [type(one).__name__ for one in found]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,2\n3,4\n", b"a,b\r\n1,2\r\n3,4\r\n", b'a,b\n"1,5","say ""hi"""\n',
     b"a,b\n\xc3\xa4,\n", b"a,b\n,\n", b'"a","b"\n"1","2"\n', b"sep=;\na;b\n1;2\n"],
)  # fmt: skip
def test_plain_lines_come_as_a_table(content: bytes) -> None:
    assert pieces(content) == ["FileTable"]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1\n", b"a,b\n1,2,\n", b'a,b\n1,"2\n', b'a,b\n1,2"\n', b'a,b\n "1",2\n', b"a,b\n\n1,2\n",
     b'a,b\n1,"2\n3"\n', b"a,b\n1\r,2\n", b"a,b\n\xff,2\n", b"a,b\n\xef\xbb\xbf1,2\n",
     b"a,b\n\x00,2\n", b"a\n1\n", b"a,b\n1,2"],
)  # fmt: skip
def test_what_needs_care_comes_as_rows(content: bytes) -> None:
    assert "FileTable" not in pieces(content)


def test_rows_after_a_row_of_several_lines_come_as_tables_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rapport.connectors.files.text.BLOCK", 4096)
    content = b"a,b\n" + b"1,2\n" * 3000 + b'1,"two\nlines"\n' + b"1,2\n" * 3000
    kinds = pieces(content)
    assert kinds[0] == kinds[-1] == "FileTable" and "Row" in kinds


def rows_of(content: bytes, has_tables: bool) -> Iterator[Any]:
    dataset = Dataset(path="x", format="csv", entity="orders", encoding="utf-8")
    read = formats.rows_and_tables if has_tables else formats.rows
    for one in read(io.BytesIO(content), dataset, ()):
        yield from one.rows() if isinstance(one, FileTable) else [one]


HOSTILE = st.lists(
    st.lists(
        st.sampled_from(
            [b'"', b'""', b",", b"a", b"\xff", b"\r", b" ", b"\xef\xbb\xbf", b"\xc3\xa4", b"\t"]
        ),
        max_size=8,
    ),
    max_size=12,
).map(lambda lines: b"\n".join(map(b"".join, lines)))


@settings(max_examples=3000, deadline=None)
@given(HOSTILE, st.integers(3, 60))
def test_a_table_has_the_cells_that_its_rows_have(content: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapport.connectors.files.text.BLOCK", size)
        assert list(rows_of(b"x,y\n" + content, True)) == list(rows_of(b"x,y\n" + content, False))
