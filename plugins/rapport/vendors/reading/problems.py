"""What reading a cell can end in, besides its value."""

import re

_CAPITALS = re.compile(r"(?:^|\s)[^\W\d_a-z][^\W\d_A-Z]+")


class Unreadable(Exception):
    """A cell cannot be read. The message says why and which option would make it right.

    It never holds the cell: messages end in logs and tables that many people read.
    """


def harmless(word: str) -> str:
    """A word as people may see it: a status as it is written, anything else by its shape.

    >>> harmless("Geschlossen"), harmless("+49 30 901820")
    ('Geschlossen', '+99 99 999999')
    """
    is_long = len(word) > 30 or "@" in word or sum(map(str.isdigit, word)) > 2
    # Two words with capitals may be somebody's name.
    is_name = len(_CAPITALS.findall(word)) > 1
    return shape(word) if is_long or is_name else word


class UnreadableLine(Unreadable):
    """One of the lines of an order cannot be read: `place` is its place among them."""

    def __init__(self, reason: str, place: int) -> None:
        super().__init__(reason)
        self.place = place


def shape(text: str) -> str:
    """How a cell is written, without what it says: digits are 9, letters a.

    >>> shape("31.12.2025 9 Uhr"), shape("")
    ('99.99.9999 9 aaa', '')
    """
    written = "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in text[:24])
    return written + ("…" if len(text) > 24 else "")
