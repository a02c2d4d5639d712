"""In which formats the times of a column are written.

>>> times_found(["31.12.2025", "01.02.2026"])
Times(formats=('%d.%m.%Y',), is_ambiguous=False, others=())
>>> times_found(["01/02/2026", "03/04/2026"]).others
('%m/%d/%Y',)
>>> times_found(["2026-02-01T10:00:00Z"]).formats, times_found(["12"]) is None
((), True)
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.times import Moments

_DAYS = (
    ("%d.%m.%Y", None), ("%d.%m.%y", None),
    ("%d/%m/%Y", "%m/%d/%Y"), ("%m/%d/%Y", "%d/%m/%Y"),
    ("%d/%m/%y", "%m/%d/%y"), ("%m/%d/%y", "%d/%m/%y"),
    ("%d-%m-%Y", "%m-%d-%Y"), ("%m-%d-%Y", "%d-%m-%Y"),
    ("%d-%m-%y", "%m-%d-%y"), ("%m-%d-%y", "%d-%m-%y"),
    ("%Y-%m-%d", None), ("%Y/%m/%d", None), ("%Y.%m.%d", None),
    ("%d %b %Y", None), ("%d-%b-%Y", None), ("%d. %b %Y", None), ("%b %d, %Y", None),
    ("%b %d %Y", None), ("%a, %d %b %Y", None), ("%d-%b-%y", None),
)  # fmt: skip
_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", " %H:%M:%S %z",
    " %H:%M %z", ", %I:%M %p", ", %I:%M:%S %p", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M%p", " %H.%M",
    "T%H:%M:%S%z", "T%H:%M:%S.%f%z", "T%H:%M%z",
)  # fmt: skip
_EPOCHS = {10: "epoch_s", 13: "epoch_ms", 16: "epoch_us"}
# A look before many formats are tried: words of a date, then digits; no text of people.
_PLAUSIBLE = re.compile(
    r"(?:[^\W\d_]{2,12}[.,]?\s*){0,2}\d{1,4}(?:[-/.,: \u00a0].{1,34}|\d{1,16}(?:[T.].{1,24})?)"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ISO = Moments()
MOST_FORMATS, PROBED, ENOUGH = 6, 25, 0.95


class Times(NamedTuple):
    """`formats` in the order of a dataset; none for ISO 8601.

    `is_ambiguous` says that day and month could change places in every value; `others` are the
    formats of that reading.
    """

    formats: tuple[str, ...]
    is_ambiguous: bool = False
    others: tuple[str, ...] = ()


def times_found(texts: Sequence[str], *, with_numbers: bool = False) -> Times | None:
    """The formats that read at least 95 % of the texts; None if the column has no times.

    `with_numbers` says that the name of the column is that of times: then numbers may be times, and
    half of the texts suffice.
    """
    texts = list(dict.fromkeys(texts))
    if sum(bool(_PLAUSIBLE.fullmatch(text)) for text in texts) < 0.5 * max(len(texts), 1):
        return None
    iso = sum(_reads(_ISO, text) for text in texts)
    if iso >= ENOUGH * len(texts):
        is_digits = all(text.isdecimal() for text in texts)
        return Times(()) if with_numbers or not is_digits else None
    if all(_NUMBER.fullmatch(text) for text in texts):
        return _numbers(texts) if with_numbers else None
    # A list of formats replaces ISO 8601, so that its formats are in the list too.
    left, formats, others = list(texts), list[str](), list[str]()
    while left and len(formats) < MOST_FORMATS:
        best, other, rest = _best(left)
        if best is None:
            break
        formats.append(best)
        others += [other] if other else []
        left = rest
    read = len(texts) - len(left)
    if max(read, iso) < (0.5 if with_numbers else ENOUGH) * len(texts):
        return None
    return Times(()) if iso > read else Times(tuple(formats), bool(others), tuple(others))


def _best(texts: Sequence[str]) -> tuple[str | None, str | None, list[str]]:
    """The format that reads most texts, the one with day and month exchanged, and what is left."""
    found: tuple[str | None, str | None, list[str]] = (None, None, list(texts))
    for day, exchanged in _DAYS:
        if not _reads_any(day, texts):
            continue
        for clock in _CLOCKS:
            moments = Moments((day + clock,))
            if not any(_reads(moments, text) for text in texts[:PROBED]):
                continue
            rest = [text for text in texts if not _reads(moments, text)]
            if len(rest) < len(found[2]):
                other = exchanged + clock if exchanged else None
                if other and _unread(texts, other) > len(rest):
                    other = None
                found = (day + clock, other, rest)
    return found


def _unread(texts: Sequence[str], format: str) -> int:
    moments = Moments((format,))
    return sum(not _reads(moments, text) for text in texts)


def _reads_any(day: str, texts: Sequence[str]) -> bool:
    sign = next(sign for sign in (".", "/", "-", " ") if sign in day)
    return any(sign in text for text in texts[:50])


def _numbers(texts: Sequence[str]) -> Times | None:
    lengths = {len(text.partition(".")[0]) for text in texts}
    for digits, name in _EPOCHS.items():
        if lengths == {digits} and all(_reads(Moments((name,)), text) for text in texts):
            return Times((name,))
    if lengths <= {5} and all(_reads(Moments(("excel",)), text) for text in texts):
        return Times(("excel",))
    return None


def _reads(moments: Moments, text: str) -> bool:
    try:
        moments.read(text)
    except Unreadable:
        return False
    return True
