"""CSV for people: every cell is quoted, and none is a formula, whatever a spreadsheet splits at.

A spreadsheet of a country that writes 1,5 splits at semicolons and does not see the quotes of a
file with commas, so a formula may begin after any separator inside of a cell. An apostrophe before
it makes it text (https://owasp.org/www-community/attacks/CSV_Injection).

>>> disarmed("=1+1"), disarmed("Max;=1+1"), disarmed("-3.5"), disarmed("+4930123456")
("'=1+1", "Max;'=1+1", '-3.5', '+4930123456')
>>> restored(disarmed("Max;=1+1"))
'Max;=1+1'
"""

import csv
import json
import re
from itertools import pairwise
from typing import Any, TextIO

_FORMULA = "=+\\-@＝＋－＠"  # some spreadsheets take the wide ones too
# Runs of spaces and quotes are looked at from their beginning only: that keeps the time linear.
_BEGINS = re.compile(rf"(?<![\s'\"])[\s'\"]*+[{_FORMULA}]")
_NUMBER = re.compile(r"[+-]\d+(\.\d+)?([eE][+-]?\d+)?|\+\d[\d ]{4,22}")
_JSON_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SEPARATORS = ";,|"
_SPLITS = re.compile(r"[^\S ]")
_LEADING = re.compile(r"[\s'\"]*[^\S ]")


def writer(file: TextIO) -> Any:
    """A CSV writer that quotes every cell."""
    return csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)


def disarmed(value: Any) -> str:
    """The cell's text, with an apostrophe wherever a spreadsheet would begin to run it.

    Numbers and phone numbers are no formulas and stay as they are. A list or an object is JSON, in
    which a text of that kind has its signs escaped as JSON has it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict | list):
        return _JSON_TEXT.sub(_escaped, json.dumps(value))
    text = str(value)
    return text if _NUMBER.fullmatch(text) else "'".join(_cut(text, _places(text)))


def restored(cell: str) -> str:
    """The text of a disarmed cell."""
    parts = _cut(cell, _places(cell))
    return parts[0] + "".join(part.removeprefix("'") for part in parts[1:])


def _places(text: str) -> list[int]:
    """Where a cell of some spreadsheet would begin with a formula."""
    places = {0} if _LEADING.match(text) else set()
    for found in _BEGINS.finditer(text):
        start, formula = found.start(), found.end() - 1
        splits = [split.end() for split in _SPLITS.finditer(text, start, formula)]
        if splits:
            places.add(splits[-1])
        elif start == 0 or text[start - 1] in _SEPARATORS:
            places.add(start)
    return sorted(places)


def _escaped(found: re.Match[str]) -> str:
    if not _places(found[1]):
        return found[0]
    return re.sub(f"[{_FORMULA}]", lambda sign: f"\\u{ord(sign[0]):04x}", found[0])


def _cut(text: str, places: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([0, *places, len(text)])]
