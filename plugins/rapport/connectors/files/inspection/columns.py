"""What the columns of a sample hold, said without anything of a person.

>>> column = look_at("Betrag", ["1.234,56", "12,50", ""])
>>> column.kind, column.decimal, column.filled, column.examples
('number', ',', 0.67, ('9.999,99', '99,99'))
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rapport.connectors.files.inspection.times_found import Times, times_found
from rapport.connectors.files.inspection.translations import translated
from rapport.vendors import words
from rapport.vendors.reading import cells
from rapport.vendors.reading.numbers import Numbers
from rapport.vendors.reading.problems import Unreadable, shape

ENOUGH = 0.95
MOST_WORDS, OFTEN, LONGEST_WORD = 12, 5, 24
EXAMPLES = 3
_EMAIL = re.compile(r"[^@]*[^\s@]+@[^\s@]+\.[^\s@]+[^@]*")
_PHONE = re.compile(
    r"(?:tel:)?[+(]?[\d][\d\s()./,;x#+-]{6,}(?:\s*(?:ext\.?|x)\s*\d+)?", re.IGNORECASE
)
_URL = re.compile(r"https?://\S+|/\S*")
_AMOUNT = re.compile(
    r"[-+(]?\s*(?:[A-Z]{3}|[€$£¥₹])?\s*[\d.,' \u00a0\u202f]*\d[\d.,]*"
    r"\s*(?:[A-Z]{3}|[€$£¥₹])?-?\)?"
)
_SIGNS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "₹": "INR"}
# Headings of columns whose words are states and never names.
_STATES = re.compile(
    r"stat(us|e)|type|kind|stage|channel|source|priorit|plan|categor|lifecycle|consent|purpose"
    r"|event|action|currency|country|zustand|typ$|art$|kategorie|kanal|wahrung|land$|opt_?in|via"
    r"|subscribed|mode|einwilligung|satisfaction|rating"
)


@dataclass(frozen=True)
class Column:
    """What a column of a sample holds.

    `filled` is the share of cells with something in them. `words` are shown only where they are
    words of a state. `decimal` is the sign that the numbers show; `needs_decimal` says that numbers
    cannot be read without it, and `is_unclear` that they do not show it.
    """

    name: str
    filled: float
    kind: str
    examples: tuple[str, ...] = ()
    words: dict[str, int] | None = None
    times: Times | None = None
    decimal: str | None = None
    needs_decimal: bool = False
    is_unclear: bool = False
    currency: str | None = None
    is_unique: bool = False
    texts: tuple[str, ...] = field(default=(), repr=False)  # of persons, so never shown

    def described(self) -> dict[str, Any]:
        """For people: nothing in it says anything of a person."""
        return {
            "column": self.name,
            "filled": self.filled,
            "kind": self.kind,
            "formats": list(self.times.formats) or ["ISO 8601"] if self.times else [],
            "examples": list(self.examples),
            "words": self.words or {},
        }


def look_at(name: str, values: Sequence[Any]) -> Column:
    """A column with these cells, in the order of the rows."""
    all_texts = [cells.text(value) for value in values]
    texts = [text for text in all_texts if text and text.casefold() not in cells.NOTHING]
    filled = round(len(texts) / len(all_texts), 2) if all_texts else 0.0
    examples = tuple(list(dict.fromkeys(shape(text) for text in texts))[:EXAMPLES])
    if not texts:
        return Column(name, filled, "empty")
    heading = words.plain(name)
    is_unique = len(set(texts)) == len(texts) == len(all_texts)
    times = times_found(texts[:500], with_numbers=_is_of_times(heading))
    kind = "time" if times else _kind(texts)
    column = Column(
        name, filled, kind, examples, times=times, is_unique=is_unique, texts=tuple(texts)
    )
    if kind == "number":
        return _with_signs(column)
    if kind in ("text", "word", "id"):
        found = _words(heading, texts)
        return _replace(column, words=found, kind="word" if found else kind)
    return column


def _is_of_times(heading: str) -> bool:
    return bool(
        re.search(
            r"_at$|date|time|datum|zeit|^ts$|stamp|created|updated|_on$|_am$|birth|^dob$|^geb",
            heading,
        )
    )


def _kind(texts: Sequence[str]) -> str:
    def are(pattern: re.Pattern[str]) -> bool:
        return sum(bool(pattern.fullmatch(text)) for text in texts) >= ENOUGH * len(texts)

    if are(_EMAIL):
        return "email"
    if all(text.isdecimal() for text in texts):
        return "number"
    if are(_AMOUNT):
        return "number"
    if are(_PHONE):
        return "phone"
    if are(_URL):
        return "address"
    if len(set(texts)) > ENOUGH * len(texts) and not any(" " in text for text in texts):
        return "id"
    return "text"


def _with_signs(column: Column) -> Column:
    """The decimal sign of numbers: a number that can mean one thing only shows it."""
    signs: Counter[str] = Counter()
    unclear = 0
    for text in column.texts:
        digits = re.sub(r"[^\d.,]", "", text)
        last = max(digits.rfind("."), digits.rfind(","))
        try:
            Numbers(has_currency=True).read(text)
        except Unreadable:
            unclear += 1
            continue
        if last < 0:
            continue
        sign, places = digits[last], len(digits) - last - 1
        if digits.count(sign) > 1:
            signs["," if sign == "." else "."] += 1
        elif places != 3 or len(set(digits) & {".", ","}) == 2 or digits.startswith(("0", sign)):
            signs[sign] += 1
    decimal = signs.most_common(1)[0][0] if len(signs) == 1 else None
    currency = next((code for sign, code in _SIGNS.items() if sign in column.texts[0]), None)
    return _replace(
        column, decimal=decimal, needs_decimal=unclear > 0, is_unclear=unclear > 0 and not decimal,
        currency=currency,
    )  # fmt: skip


def _words(heading: str, texts: Sequence[str]) -> dict[str, int] | None:
    """The words of a column of states; None where they may be anything of a person."""
    counted = Counter(texts)
    if len(counted) > MOST_WORDS:
        return None
    known = {word for word in counted if _is_known(word)}
    is_state = bool(_STATES.search(heading))
    if not is_state and len(known) * 2 < len(counted):
        return None
    for word, times in counted.items():
        is_short = len(word) <= LONGEST_WORD and not re.search(r"[\d@]", word)
        if word not in known and not (is_short and times >= OFTEN):
            return None
    return dict(counted.most_common())


def _is_known(word: str) -> bool:
    return translated(word) is not None or any(
        words.meaning(entity, column, word) is not None
        or words.has_no_meaning(entity, column, word)
        for entity, column in words.WORDS
    )


def _replace(column: Column, **changes: Any) -> Column:
    return Column(**{**column.__dict__, **changes})
