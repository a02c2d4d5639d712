"""Whether a row can be typed: its key is there, its mapped times are times, numbers numbers.

>>> dataset = Dataset(path="x", format="csv", entity="orders", columns={"amount": "sum"})
>>> Check(dataset).problem({"sum": "12,50"})
'column sum is no number'
"""

import re
from collections.abc import Mapping
from typing import Any

from rapport.connectors.files.datasets import INTEGERS, NUMBERS, Dataset
from rapport.vendors.time_formats import is_moment

_NUMBER = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?")
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_LIMIT = 1e18


class Check:
    """What the columns of a dataset must hold. An empty cell is no value, and no fault."""

    def __init__(self, dataset: Dataset) -> None:
        self._keys = [] if dataset.format == "ndjson" else list(dataset.key)
        mapped = [(name, column) for name, column in dataset.mapped.items() if column.column]
        self._times = [(str(c.column), c.format) for name, c in mapped if name.endswith("_at")]
        self._numbers = [str(column.column) for name, column in mapped if name in NUMBERS]
        self._integers = [str(column.column) for name, column in mapped if name in INTEGERS]

    def problem(self, row: Mapping[str, Any]) -> str | None:
        """What is wrong with the row, without its values; None if nothing is."""
        for column in self._keys:
            if row.get(column) in (None, ""):
                return f"column {column} is empty and belongs to the key"
        for column, format in self._times:
            text = _text(row.get(column))
            if text and not is_moment(text, format):
                return f"column {column} is no time{f' in the format {format}' if format else ''}"
        for column in self._numbers:
            text = _text(row.get(column))
            if text and not (_NUMBER.fullmatch(text) and abs(float(text)) < _LIMIT):
                return f"column {column} is no number"
        for column in self._integers:
            text = _text(row.get(column))
            if text and not _INTEGER.fullmatch(text):
                return f"column {column} is no whole number"
        return None


def _text(value: Any) -> str:
    """The value as the warehouse will see it: a JSON true is no number, an object no time."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip(" ")
    return repr(value)
