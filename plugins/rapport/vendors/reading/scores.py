"""Answers to scored questions: the number in a cell, in the ways that survey tools write it.

>>> [score(text) for text in ("9.0", "7,0", "Extremely likely - 10", "9/10", "-1", "★★★★☆")]
['9.0', '7.0', '10', '9/10', '-1', '4']
"""

import re

from rapport.vendors.reading.problems import Unreadable

SCALES = {"nps": "0-10", "csat": "1-5", "ces": "1-7"}
_ALONE = re.compile(r"'?(-? ?\d{1,3}(?:[.,]\d{1,6})?)", re.ASCII)
_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,6})?(?![\d.,]*\d)", re.ASCII)
_OF = re.compile(
    r"\D{0,60}?(\d{1,3}(?:[.,]\d{1,6})?) {0,3}"
    r"(?:/|out of|of|von|sur|de|su|van|av|z) {0,3}(\d{1,3})\D{0,60}",
    re.IGNORECASE | re.ASCII,
)
_SCALE = re.compile(r"(\d{1,2}) ?(?:-|–|—|/|\.\.|to|bis|a|à) ?(\d{1,2})", re.ASCII)
LONGEST = 200


def score(text: str) -> str:
    """The number, with its top where the cell says it (9/10); raises `Unreadable`."""
    text = text.replace("\u2212", "-")
    if alone := _ALONE.fullmatch(text):
        return alone[1].replace(",", ".").replace(" ", "")
    if len(text) > LONGEST or "%" in text:
        raise Unreadable("no score")
    if of := _OF.fullmatch(text):
        return f"{of[1].replace(',', '.')}/{of[2]}"
    if stars := text.count("★") + text.count("⭐"):
        return str(stars)
    found = _NUMBER.findall(text)
    if len(found) != 1:
        raise Unreadable("no number in it" if not found else "more than one number in it")
    return str(found[0]).replace(",", ".")


def scale_of(text: str) -> str | None:
    """A scale such as 1-5 as it is written here; None for one without two numbers.

    >>> scale_of("1 – 5"), scale_of("good_bad")
    ('1-5', None)
    """
    match = _SCALE.fullmatch(text.strip())
    return f"{int(match[1])}-{int(match[2])}" if match else None


def on_scale(found: str, scale: str | None) -> str | None:
    """The number if it is on a scale such as 0-10, of which it also has to have the top."""
    number, _, top = found.partition("/")
    match = _SCALE.fullmatch(scale or "")
    if match is None:
        return number
    if top and int(top) != int(match[2]):
        return None
    return number if int(match[1]) <= float(number) <= int(match[2]) else None
