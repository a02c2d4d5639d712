"""The text of a cell, whatever its format holds there, and the words that stand for nothing.

>>> text(' ="0042" '), text(17850.0), text(True), text(float("nan"))
('0042', '17850', 'true', '')
>>> addresses('"Dora, D." <mailto:d@x.example.>; e@y.example')
['d@x.example', 'e@y.example']
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from rapport.vendors.reading.problems import Unreadable

# Words for nothing in a cell that is typed. In free text, only what programs write counts.
NOTHING = frozenset(
    (
        *("null", "none", "nil", "nan", "nat", "n/a", "na", "n.a.", "#n/a", "#na", "<na>", "\\n"),
        *("(null)", "(none)", "(not set)", "(blank)", "undefined", "-", "--", "–", "—", "- -", "?"),
    )
)
NOTHING_IN_TEXT = frozenset(("NULL", "\\N", "(null)", "#N/A", "(not set)", "<NA>", "-"))
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_MARKED = re.compile(r"'(?=[+\d])")
_ADDRESS = re.compile(r"[^\s<>;,|\"()\[\]]+@[^\s<>;,|\"()\[\]]+")
_SCHEME = re.compile("(?:mailto|smtp):", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(r"[;|\n]|\s/\s|\s(?:oder|or|und|and|ou|y)\s|,\s*(?=\+)")
_COMMENT = re.compile(r"\s*\([^()\d]{1,30}\)\s*$")
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_LOST = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{1,2}|\d[.,]\d+[eE]\d{1,2}")
_WHOLE = re.compile(r"(\d+)\.0+", re.ASCII)
_IS_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
# A longer cell holds no addresses: the search would take long.
LONGEST_ADDRESSES = 4_000
OF_DIGITS = ("number", "integer", "minutes", "score", "time", "date")


def text(value: Any) -> str:
    """The text of a cell without blanks around it; a spreadsheet's marks for text are taken off."""
    if isinstance(value, str):
        found = value.strip()
        if found[:1] in "='" and found:
            formula = _FORMULA.fullmatch(found)
            found = formula[1].strip() if formula else _MARKED.sub("", found, count=1)
        return found
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def at(row: Mapping[str, Any], column: str) -> Any:
    """The cell of a column; a name with dots leads into nested records."""
    if column in row or "." not in column:
        return row.get(column)
    found: Any = row
    for step in column.split("."):
        if isinstance(found, list) and step.isdecimal():
            found = found[int(step)] if int(step) < len(found) else None
        elif isinstance(found, Mapping):
            found = found.get(step)
        else:
            return None
    return found


def whole_id(found: str) -> str:
    """An id without the .0 that programs write behind whole numbers."""
    match = _WHOLE.fullmatch(found)
    return match[1] if match else found


def refuse_lost_digits(found: str) -> None:
    """A spreadsheet wrote 1.23E+11: the digits are gone, and another's number may look the same."""
    if _LOST.fullmatch(found):
        raise Unreadable("a spreadsheet has shortened the number; export the column as text")


def addresses(found: str, separator: str | None = None) -> list[str]:
    """Every e-mail address of a cell, in its order; a text without any is one, as it stands."""
    if separator is not None:
        parts = [part for one in found.split(separator) for part in addresses(one)]
    else:
        found = _UNSEEN.sub("", found)
        if found.count("@") > 1:
            found = found.replace("/", " ")
        has_address = "@" in found and len(found) <= LONGEST_ADDRESSES
        parts = [_bare(part) for part in _ADDRESS.findall(found)] if has_address else []
        parts = parts or [found.strip()]
    return [part for part in dict.fromkeys(parts) if part]


def is_address(text: str) -> bool:
    """Whether a text can be an e-mail address at all.

    >>> is_address("a@x.example"), is_address("n/a@n/a")
    (True, False)
    """
    return len(text) <= 320 and _IS_ADDRESS.fullmatch(text) is not None


def with_our_digits(found: str) -> str:
    """The text with the digits of any script as 0 to 9.

    >>> with_our_digits("١٢٣"), with_our_digits("１２,５")
    ('123', '12,5')
    """
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in found)


def _bare(address: str) -> str:
    return _SCHEME.sub("", address).partition("?")[0].strip("'").rstrip(".:")


def numbers(found: str, separator: str | None = None) -> list[str]:
    """Every phone number of a cell. A comma is a pause in a number, unless a plus follows.

    >>> numbers("+49 171 1234567 (mobil) / +49 30 901820")
    ['+49 171 1234567', '+49 30 901820']
    """
    if len(found) > LONGEST_ADDRESSES:
        return [found]
    between = re.split(re.escape(separator), found) if separator else _BETWEEN_NUMBERS.split(found)
    return [part for one in between if (part := _COMMENT.sub("", one).strip())] or [found.strip()]
