"""Rows of a Parquet file, in batches that fit into memory whatever the file unpacks to.

Times without a zone stay without one; decimals and bytes (base64) become text, so that nothing is
rounded. Texts that the file holds once and names many times stay so until they are a row.
"""

import base64
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from rapport.connectors.files import parquet_sizes as sizes
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import LONGEST_LINE, most_unpacked

BATCH_ROWS = 2_000
PIECE_BYTES = 8 * 1024 * 1024


def rows(file: BinaryIO, dataset: Dataset) -> Iterator[Row]:
    """The rows; raises `FileError` for a damaged file and for one that unpacks to too much."""
    import pyarrow
    from pyarrow import parquet

    number = decoded = 0
    size = file.seek(0, os.SEEK_END)
    try:
        with parquet.ParquetFile(file, pre_buffer=False) as opened:
            _refuse(opened, dataset)
            sizes.refuse(opened, size)
            names = sizes.dictionaries(opened)
            batch_rows = sizes.batch_rows(opened, BATCH_ROWS)
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
                    for values in sizes.dense(piece).to_pylist():
                        number += 1
                        json = msgspec.json.encode(values, enc_hook=_plain)
                        yield Row(number, json, msgspec.json.decode(json), json=json)
    except pyarrow.ArrowMemoryError:
        raise FileError(
            f"does not fit into memory after row {number}. Write smaller ones"
        ) from None
    except (pyarrow.ArrowException, OSError):
        raise FileError(f"is cut off or damaged after row {number}. Send it again") from None


def _refuse(table: Any, dataset: Dataset) -> None:
    names = table.schema_arrow.names
    if missing := [name for name in dataset.needed if name not in names]:
        raise FileError(
            f"has no column {missing[0]}, which rapport.yml needs; it has {len(names)} columns"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
