"""Rows in columns, and their payloads, which are put together for all rows at once.

>>> table = Table({"id": pyarrow.array(["7", "8"]), "note": pyarrow.array(["", 'a "b"'])})
>>> payloads(table, Whole({}, {}, ["K-1", "K-2"], {}), {})[1]
b'{"_read":{"profile":"K-2"},"id":"8","note":"a \\\\"b\\\\""}'
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow
from pyarrow import compute

from rapport.vendors.reading.numbers_in_json import as_json, as_json_lines
from rapport.vendors.reading.row import READ
from rapport.vendors.reading.whole import Whole, differing

# Parts of the payloads: one that all have, or one for each.
Part: TypeAlias = bytes | pyarrow.Array


class Table:
    """The text of every cell of some rows, by the names of the columns."""

    def __init__(self, columns: Mapping[str, pyarrow.Array]) -> None:
        self.columns = columns
        self._cells: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def cells(self, name: str) -> list[str]:
        """The cells of a column; raises `KeyError`."""
        if name not in self._cells:
            self._cells[name] = self.columns[name].to_pylist()
        return self._cells[name]

    def texts(self, values: Sequence[Any]) -> pyarrow.Array:
        """The values as a column; raises `pyarrow.ArrowException` where one is no text."""
        same = (name for name, cells in self._cells.items() if cells is values)
        name = next(same, None)
        return pyarrow.array(values, pyarrow.string()) if name is None else self.columns[name]

    def rows(self) -> list[dict[str, str]]:
        """Each row by itself."""
        cells = [self.cells(name) for name in self.columns]
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def take(self, places: Sequence[int]) -> "Table":
        """The rows at these places, which ascend."""
        if places and places[-1] - places[0] + 1 == len(places):
            start, count = places[0], len(places)
            part = Table({name: c.slice(start, count) for name, c in self.columns.items()})
            part._cells = {name: c[start : start + count] for name, c in self._cells.items()}
            return part
        wanted = pyarrow.array(places, pyarrow.int64())
        return Table({name: column.take(wanted) for name, column in self.columns.items()})


def payloads(
    table: Table, whole: Whole, beside: Mapping[str, Sequence[Any]], key: Mapping[str, Any] = {}
) -> list[bytes]:
    """The payload of every row, byte for byte as `MappedStream.payloads` makes it of single rows.

    `key` is a further member of what was read, `beside` are further ones of the payload.
    """
    parts: list[Part] = [b"{", *_label(READ), b"{", *_members_read(table, whole)]
    for name, values in key.items():
        parts += [b",", *_label(name), *_json(table, values)]
    parts.append(b"}")
    for name, column in table.columns.items():
        parts += [b",", *_label(name), *_texts(column)]
    for name, values in beside.items():
        parts += [b",", *_label(name), *_json(table, values)]
    found: list[bytes] = _joined([*parts, b"}"]).to_pylist()
    return found


def _joined(parts: Sequence[Part]) -> pyarrow.Array:
    """The parts of each row, one after the other, as bytes."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        else:
            merged.append(part)
    kind = pyarrow.binary()
    columns = [
        pyarrow.scalar(part, kind) if isinstance(part, bytes) else part.cast(kind)
        for part in merged
    ]
    return compute.binary_join_element_wise(*columns, pyarrow.scalar(b"", kind))


def _members_read(table: Table, whole: Whole) -> list[Part]:
    """The members of what `whole.stored` gives."""
    parts: list[Part] = []
    for name, value in whole.constants.items():
        parts += [*_label(name), as_json(value), b","]
    odd = _odd(whole)
    for name, (read, given) in whole.columns.items():
        if not read.is_as_written:
            member = [*_label(name), *_json(table, read.values), b","]
            is_stored = differing(read.values, given)
            if not all(is_stored):
                member = [compute.if_else(pyarrow.array(is_stored), _joined(member), b"")]
            parts += member
        if name in odd:
            parts.append(pyarrow.array(odd[name], pyarrow.binary()))
    return [*parts, *_label("profile"), *_json(table, whole.profiles)]


def _odd(whole: Whole) -> dict[str, list[bytes]]:
    """The odd cells of each row that has some, by the first column that has one in it."""
    first: dict[int, str] = {}
    reasons: dict[int, dict[str, str]] = {}
    for name, (read, _) in whole.columns.items():
        for place, reason in read.odd.items():
            first.setdefault(place, name)
            reasons.setdefault(place, {})[name] = reason
    found: dict[str, list[bytes]] = {}
    for place, name in first.items():
        texts = found.setdefault(name, [b""] * len(whole.profiles))
        texts[place] = b'"odd":' + as_json(reasons[place]) + b","
    return found


def _label(name: str) -> list[Part]:
    return [as_json(name), b":"]


def _json(table: Table, values: Sequence[Any]) -> list[Part]:
    """The JSON of each value."""
    try:
        return _texts(table.texts(values))
    except (pyarrow.ArrowTypeError, pyarrow.ArrowInvalid):
        return [pyarrow.array(as_json_lines(values), pyarrow.binary())]


def _texts(texts: pyarrow.Array) -> list[Part]:
    """The JSON of each text or null."""
    if texts.null_count or _has_escapes(texts):
        return [pyarrow.array(as_json_lines(texts.to_pylist()), pyarrow.binary())]
    return [b'"', texts, b'"']


def _has_escapes(texts: pyarrow.Array) -> bool:
    """Whether a text has a sign that JSON writes in another way."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return False
    start, end = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    signs = np.frombuffer(data, np.uint8)[start:end]
    return bool((signs < ord(" ")).any() or (signs == ord('"')).any() or (signs == ord("\\")).any())
