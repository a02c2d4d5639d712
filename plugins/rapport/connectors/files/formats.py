"""The rows of a file in any format.

>>> with open("in/orders.csv", "rb") as file:  # doctest: +SKIP
...     found = list(rows(file, dataset, dataset.needed))
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from rapport.connectors.files import (
    access_log,
    delimited,
    ga4,
    google_sheets,
    json_lines,
    parquet,
    sheets,
)
from rapport.connectors.files.csv_tables import FileTable
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import lines


def rows(file: BinaryIO, dataset: Dataset, needed: Sequence[str]) -> Iterator[Row]:
    """The rows; raises `FileError` where the file cannot be read to its end.

    `needed` are the columns without which the file is refused.
    """
    match dataset.format:
        case "csv":
            found = lines(file, dataset.encoding, keep_blank=True)
            return delimited.rows(found, dataset, needed)
        case "ndjson":
            return json_lines.rows(lines(file, dataset.encoding), dataset, needed)
        case "parquet":
            return parquet.rows(file, dataset, needed)
        case "sheet":
            return sheets.rows(file, dataset, needed)
        case "access_log":
            return access_log.rows(lines(file, dataset.encoding), dataset, needed)
        case "ga4":
            return ga4.rows(_records(file, dataset), dataset, needed)
        case "google_sheet":
            return google_sheets.rows(file, dataset, needed)


def rows_and_tables(
    file: BinaryIO, dataset: Dataset, needed: Sequence[str]
) -> Iterator[Row | FileTable]:
    """As `rows`; many rows come as one table where that is possible."""
    if dataset.format != "csv":
        return rows(file, dataset, needed)
    found = lines(file, dataset.encoding, keep_blank=True)
    return delimited.rows_and_tables(found, dataset, needed)


def _records(file: BinaryIO, dataset: Dataset) -> Iterator[Row]:
    """Records with nested ones: Parquet, a JSON object a line, or a JSON array."""
    head = file.read(len(parquet.MAGIC))
    file.seek(0)
    if head == parquet.MAGIC:
        return parquet.rows(file, dataset, ())
    return json_lines.rows(lines(file, dataset.encoding), dataset, ())
