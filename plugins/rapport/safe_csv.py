"""Writes CSV whose cells a spreadsheet never runs as formulas.

Every cell is quoted, and a formula gets an apostrophe in front, which makes it text
(https://owasp.org/www-community/attacks/CSV_Injection). In countries that write 1,5 a spreadsheet
splits at semicolons and ignores the quotes of a file with commas. So a formula can also begin after
a separator inside a cell.

>>> escaped("=1+1"), escaped("Max;=1+1"), escaped("-3.5"), escaped("+4930123456")
("'=1+1", "Max;'=1+1", '-3.5', '+4930123456')
>>> unescaped(escaped("Max;=1+1"))
'Max;=1+1'
"""

import csv
import json
import re
from itertools import pairwise
from typing import Any, TextIO

_FORMULA = "=+\\-@＝＋－＠"  # some spreadsheets accept the full-width characters too
# The look-behind starts a match only at the beginning of spaces and quotes, so time stays linear.
_BEGINS = re.compile(rf"(?<![\s'\"])[\s'\"]*+[{_FORMULA}]")
_NUMBER = re.compile(r"[+-]\d+(\.\d+)?([eE][+-]?\d+)?|\+\d[\d ]{4,22}")
_JSON_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SEPARATORS = ";,|"
_SPLITS = re.compile(r"[^\S ]")
_LEADING = re.compile(r"[\s'\"]*[^\S ]")


def writer(file: TextIO) -> Any:
    """A CSV writer that quotes every cell."""
    return csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)


def escaped(value: Any) -> str:
    """The text of a cell, with an apostrophe wherever a formula could begin.

    Numbers and phone numbers stay as they are. A list or an object is written as JSON, in which
    the characters that begin a formula are escaped as `\\uXXXX`.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict | list):
        return _JSON_TEXT.sub(_escaped_in_json, json.dumps(value))
    text = str(value)
    return text if _NUMBER.fullmatch(text) else "'".join(_cut(text, _places(text)))


def unescaped(cell: str) -> str:
    """The original text of a cell that `escaped` wrote."""
    parts = _cut(cell, _places(cell))
    return parts[0] + "".join(part.removeprefix("'") for part in parts[1:])


def _places(text: str) -> list[int]:
    """The positions at which some spreadsheet would read the beginning of a formula."""
    places = {0} if _LEADING.match(text) else set()
    for found in _BEGINS.finditer(text):
        start, formula = found.start(), found.end() - 1
        splits = [split.end() for split in _SPLITS.finditer(text, start, formula)]
        if splits:
            places.add(splits[-1])
        elif start == 0 or text[start - 1] in _SEPARATORS:
            places.add(start)
    return sorted(places)


def _escaped_in_json(found: re.Match[str]) -> str:
    if not _places(found[1]):
        return found[0]
    return re.sub(f"[{_FORMULA}]", lambda sign: f"\\u{ord(sign[0]):04x}", found[0])


def _cut(text: str, places: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([0, *places, len(text)])]
