"""Objects of a JSON array, one after the other, so that the array is never in memory as a whole.

>>> [row.values for row in rows(iter([Line(1, b'[{"a": 1},'), Line(2, b'{"a": 2}]')]), "utf-8")]
[{'a': 1}, {'a': 2}]
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import LONGEST_LINE as LONGEST_VALUE
from rapport.connectors.files.text import Line

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_BLANK = re.compile(r"[ \t\r\n]*")
_scan = json.JSONDecoder().raw_decode
AT_ONCE = 64 * 1024
LONGEST_LINE = 128 * 1024 * 1024  # arrays are often written as one line


def rows(lines: Iterator[Line], encoding: str) -> Iterator[Row]:
    """The objects with their place in the array; raises `FileError` where it is no whole one."""
    text = _Text(lines, encoding)
    text.skip("[")
    number = 0
    if text.next_sign() == "]":
        text.skip("]")
    else:
        while True:
            number += 1
            text.number = number - 1
            yield _row(number, text.value(number))
            if text.next_sign() != ",":
                break
            text.skip(",")
        text.skip("]", number)
    if text.next_sign():
        raise FileError(f"goes on after the end of its JSON array of {number} rows")


def _row(number: int, found: str) -> Row:
    content = found.encode()
    try:
        return Row(number, content, _DECODER.decode(content), json=content)
    except msgspec.ValidationError:
        return Row(number, content, problem="not a JSON object")
    except msgspec.DecodeError:  # NaN, which Python reads
        return Row(number, content, problem="not JSON")


class _Text:
    """The text of the file from the next sign on."""

    def __init__(self, lines: Iterator[Line], encoding: str) -> None:
        self._lines = lines
        self._encoding = encoding
        self._text = ""
        self._at = 0
        self.number = 0  # of the last whole value

    def next_sign(self) -> str:
        """The next sign that is not blank; empty at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(AT_ONCE):
                return ""

    def skip(self, sign: str, number: int = 0) -> None:
        if self.next_sign() != sign:
            raise _damage(number)
        self._at += 1

    def value(self, number: int) -> str:
        """The next value as it stands; what is not there yet is read, each time twice as much."""
        self.next_sign()
        wanted = AT_ONCE
        while True:
            try:
                _, end = _scan(self._text, self._at)
            except ValueError:
                end = len(self._text)
                is_whole = False
            except RecursionError:
                raise FileError(f"is nested too deep at row {number} of its JSON array") from None
            else:
                is_whole = end < len(self._text)
            if is_whole:
                found = self._text[self._at : end]
                self._at = end
                return found
            if len(self._text) - self._at > LONGEST_VALUE or not self._more(wanted):
                raise _damage(number - 1)
            wanted *= 2

    def _more(self, wanted: int) -> bool:
        """Read about so many bytes on; False at the end of the file."""
        parts = [self._text[self._at :]]
        size = 0
        for line in self._lines:
            if line.problem is not None:
                raise FileError(
                    f"is a JSON array that cannot be read at line {line.number}: {line.problem}. "
                    "Write one object a line, for example with `jq -c .[]`"
                )
            try:
                parts.append(line.content.decode(self._encoding) + "\n")
            except UnicodeDecodeError:
                raise FileError(
                    f"is a JSON array that is cut off or damaged after row {self.number}: "
                    f"line {line.number} is not {self._encoding}"
                ) from None
            size += len(line.content) + 1
            if size >= wanted:
                break
        self._text, self._at = "".join(parts), 0
        return size > 0


def _damage(number: int) -> FileError:
    return FileError(
        f"is a JSON array that is cut off or damaged after row {number}. Send it again"
    )
