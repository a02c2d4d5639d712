"""Rows of a Parquet file, in batches that fit into memory whatever the file unpacks to.

Times without a zone stay without one; decimals become text, so that nothing is rounded. Texts that
the file holds once and names many times stay so until they are a row.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from rapport.connectors.files import parquet_sizes as sizes
from rapport.connectors.files import parquet_values
from rapport.connectors.files.columns import refuse_missing
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import LONGEST_LINE, most_unpacked
from rapport.vendors.reading.numbers_in_json import as_json, from_json

MAGIC = b"PAR1"
BATCH_ROWS = 2_000
PIECE_BYTES = 8 * 1024 * 1024


def rows(file: BinaryIO, dataset: Dataset, needed: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows; raises `FileError` for a damaged file and for one that unpacks to too much."""
    import pyarrow
    from pyarrow import parquet

    number = decoded = 0
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        with parquet.ParquetFile(file, pre_buffer=False) as opened:
            needed = dataset.needed if needed is None else needed
            known = parquet_values.named(opened.schema_arrow)
            refuse_missing(list(known), parquet_values.certain(opened.schema_arrow, needed))
            sizes.refuse(opened, size)
            names = sizes.dictionaries(opened)
            batch_rows = sizes.batch_rows(opened, BATCH_ROWS)
            reader = _Reader(opened.schema_arrow, dataset)
        file.seek(0)
        with parquet.ParquetFile(file, pre_buffer=False, read_dictionary=names) as table:
            for batch in table.iter_batches(batch_size=batch_rows):
                decoded += sizes.decoded(batch)
                if decoded > most_unpacked(size):
                    raise FileError(sizes.too_much(size, decoded))
                for piece, piece_bytes in sizes.pieces(batch, PIECE_BYTES):
                    if piece_bytes > LONGEST_LINE:
                        number += 1
                        yield Row(number, b"", problem=f"row of {piece_bytes} bytes, too long")
                        continue
                    for values in reader.records(sizes.dense(piece)):
                        number += 1
                        yield _row(number, values)
    except pyarrow.ArrowMemoryError:
        raise FileError(
            f"does not fit into memory after row {number}. Write smaller ones"
        ) from None
    except (pyarrow.ArrowException, OSError):
        raise FileError(f"is cut off or damaged after row {number}. Send it again") from None


class _Reader:
    """How the columns of one file become values."""

    def __init__(self, schema: Any, dataset: Dataset) -> None:
        from pyarrow import types

        self._ids = parquet_values.ids(dataset)
        self._bytes = [field.name for field in schema if parquet_values.holds_bytes(field.type)]
        self._has_fractions = any(
            types.is_floating(field.type) or types.is_decimal(field.type)
            or types.is_nested(field.type)
            for field in schema
        )  # fmt: skip

    def records(self, piece: Any) -> Iterator[dict[str, Any] | None]:
        """The rows; None for one with a time outside of the years 1 to 9999."""
        try:
            found = self._values(piece)
        except (OverflowError, ValueError, LookupError):
            if piece.num_rows == 1:
                yield None
                return
            for place in range(piece.num_rows):
                yield from self.records(piece.slice(place, 1))
        else:
            yield from found

    def _values(self, piece: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = parquet_values.readable(piece).to_pylist(
            maps_as_pydicts="strict"
        )
        for values in found:
            for name in self._bytes:
                values[name] = parquet_values.plain(values[name])
            if self._has_fractions:
                parquet_values.whole(values, self._ids)
        return found


def _row(number: int, values: dict[str, Any] | None) -> Row:
    if values is None:
        return Row(number, b"", problem="a time outside of the years 1 to 9999, or a broken value")
    json = as_json(values)
    return Row(number, json, from_json(json), json=json)
