"""Rows of a file with one JSON object a line, or with one JSON array of objects.

They land byte for byte, unless the file is not UTF-8.

>>> [row.problem for row in rows(iter([Line(1, b"{}"), Line(2, b"[1]")]), None, ())]
[None, 'not a JSON object']
"""

import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from rapport.connectors.files import json_array
from rapport.connectors.files.columns import with_columns
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.encodings import not_readable
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Line, Lines

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
UTF_8 = "utf-8"


def rows(
    lines: Iterator[Line], dataset: Dataset | None = None, needed: Sequence[str] = ()
) -> Iterator[Row]:
    """The rows; raises `FileError` for another JSON file, and where a needed column is missing."""
    encoding = dataset.encoding if dataset is not None else UTF_8
    stored = encoding
    if isinstance(lines, Lines) and lines.encoding is not None:
        encoding, stored = lines.encoding, lines.stored or encoding
    if isinstance(lines, Lines) and lines.beginning == b"[":
        lines.longest = json_array.LONGEST_LINE
    beginning = list(itertools.islice(lines, 2))
    lines = itertools.chain(beginning, lines)
    if _is_array(beginning):
        found = json_array.rows(lines, encoding)
    elif beginning and beginning[0].content.strip() == b"{":
        raise FileError(
            "has objects over several lines. Write each into one line, for example with `jq -c .`"
        )
    else:
        found = (_row(line, encoding, stored) for line in lines)
    return with_columns(found, needed)


def _row(line: Line, encoding: str, stored: str) -> Row:
    number, content, problem, _ = line
    if problem is not None:
        return Row(number, content, problem=problem)
    try:
        json = content if encoding == UTF_8 else content.decode(encoding).encode()
        return Row(number, content, _DECODER.decode(json), json=json)
    except msgspec.ValidationError:
        return Row(number, content, problem="not a JSON object")
    except UnicodeDecodeError:
        return Row(number, content, problem=not_readable(stored, content))
    except msgspec.DecodeError:
        if encoding == UTF_8 and not _is_utf_8(content):
            return Row(number, content, problem=not_readable(stored, content))
        return Row(number, content, problem="not JSON")
    except RecursionError:
        return Row(number, content, problem="nested too deep")


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_array(beginning: list[Line]) -> bool:
    """Whether the file is an array, and not a file of lines of which the first happens to be one.

    >>> _is_array([Line(1, b"["), Line(2, b"{}")]), _is_array([Line(1, b"[1]"), Line(2, b"{}")])
    (True, False)
    """
    if not beginning or not beginning[0].content.lstrip().startswith(b"["):
        return False
    if len(beginning) == 1:
        return True
    first = beginning[0].content.strip()
    if first == b"[" or first[1:].lstrip().startswith(b"{"):
        try:
            msgspec.json.decode(first)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
    return False
