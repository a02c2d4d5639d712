"""Answers to scored questions: the number in a cell, in the ways that survey tools write it.

>>> [score(text) for text in ("9.0", "7,0", "Extremely likely - 10", "9/10", "-1", "★★★★☆")]
['9.0', '7.0', '10', '9', '-1', '4']
"""

import re

from rapport.vendors.reading.problems import Unreadable

SCALES = {"nps": "0-10", "csat": "1-5", "ces": "1-7"}
_ALONE = re.compile(r"'?(-?\d{1,3}(?:[.,]\d{1,6})?)")
_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,6})?(?![\d.,]*\d)")
_OF = re.compile(
    r"\D*?(\d{1,3}(?:[.,]\d{1,6})?)\s*(?:/|out of|of|von|sur|de|su|van|av|z)\s*\d{1,3}\D*", re.I
)
_SCALE = re.compile(r"(\d{1,2})-(\d{1,2})")


def score(text: str) -> str:
    """The number; raises `Unreadable`."""
    if alone := _ALONE.fullmatch(text):
        return alone[1].replace(",", ".")
    if of := _OF.fullmatch(text):
        return of[1].replace(",", ".")
    if stars := text.count("★") + text.count("⭐"):
        return str(stars)
    found = _NUMBER.findall(text)
    if len(found) != 1:
        raise Unreadable("no number in it" if not found else "more than one number in it")
    return str(found[0]).replace(",", ".")


def is_on(scale: str | None, number: str) -> bool:
    """Whether a number is on a scale such as 0-10; on a scale without numbers everything is."""
    match = _SCALE.fullmatch(scale or "")
    return match is None or int(match[1]) <= float(number) <= int(match[2])
