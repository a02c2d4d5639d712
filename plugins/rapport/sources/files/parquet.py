"""Rows of a Parquet file, in batches.

Times without a zone stay without one; decimals and bytes (base64) become text, so that nothing is
rounded.
"""

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from rapport.sources.files.dataset import Dataset
from rapport.sources.files.places import FileError
from rapport.sources.files.row import Row

BATCH_ROWS = 2_000
LARGEST_ROW_GROUP = 4 * 1024**3


def rows(file: BinaryIO, dataset: Dataset) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(file, pre_buffer=False) as table:
            _refuse(table, dataset)
            for batch in table.iter_batches(batch_size=BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    json = msgspec.json.encode(values, enc_hook=_plain)
                    yield Row(number, json, msgspec.json.decode(json), json=json)
    except (pyarrow.ArrowException, OSError):
        raise FileError(f"is cut off or damaged after row {number}. Send it again") from None


def _refuse(table: Any, dataset: Dataset) -> None:
    names = table.schema_arrow.names
    if missing := [name for name in dataset.needed if name not in names]:
        raise FileError(
            f"has no column {missing[0]}, which rapport.yml needs; it has {len(names)} columns"
        )
    for index in range(table.num_row_groups):
        if table.metadata.row_group(index).total_byte_size > LARGEST_ROW_GROUP:
            raise FileError("has a row group of more than 4 GB. Write smaller ones")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)
