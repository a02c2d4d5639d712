"""How one column of a dataset is read: the cell's text, what stands for nothing, and its kind.

>>> from rapport.vendors.datasets import Column
>>> state = Column(column="State", values={"5": "paid"})
>>> reader = ColumnReader("orders", "status", state, Company())
>>> reader.read("5"), reader.read("Refunded"), reader.read("zzz")
(Cell('paid', None), Cell('refunded', None), Cell('pending', 'unknown word zzz'))
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from rapport.vendors import words
from rapport.vendors.blocked import Blocked, load_blocked
from rapport.vendors.datasets import Column, Mapped
from rapport.vendors.entities import fields_of
from rapport.vendors.reading import cells
from rapport.vendors.reading.days import BirthDates
from rapport.vendors.reading.many import Hours, is_plain
from rapport.vendors.reading.numbers import Numbers, integer
from rapport.vendors.reading.problems import Unreadable, harmless
from rapport.vendors.reading.scores import score
from rapport.vendors.reading.times import Moments

REMEMBERED = 20_000
PEOPLE = ("customer_id", "user_id", "device_id")
CURRENCIES = {"€": "EUR", "£": "GBP", "US$": "USD", "EURO": "EUR", "EUROS": "EUR", "ZŁ": "PLN"}
UNKNOWN_WORD, BLANK = "unknown word", "blank"


class Company(NamedTuple):
    """What a dataset takes from the company where it says nothing itself."""

    timezone: str = "UTC"
    blocked: Blocked = load_blocked()


class Cell(NamedTuple):
    """A canonical value, None for nothing; and what is odd about the cell, which is counted."""

    value: Any
    odd: str | None = None

    def __repr__(self) -> str:
        return f"Cell({self.value!r}, {self.odd!r})"


NOTHING = Cell(None)


@dataclass(slots=True)
class ManyCells:
    """The cells of a column: values by place, what is odd about some, and which are unreadable.

    `is_as_written` says that every value is the text of its cell.
    """

    values: list[Any]
    is_as_written: bool = False
    odd: dict[int, str] = field(default_factory=dict)
    unreadable: dict[int, Unreadable] = field(default_factory=dict)


class ColumnReader:
    """Reads the cells of one column; remembers what it read, because cells repeat."""

    def __init__(
        self,
        entity: str,
        name: str,
        column: Column,
        company: Company,
        dataset: Mapped | None = None,
    ) -> None:
        self.name, self.column = name, column
        self._entity, self._company = entity, company
        self.kind = fields_of(entity)[name].kind
        self._nulls = {word.casefold() for word in column.nulls}
        if dataset is not None:
            self._nulls |= {word.casefold() for word in dataset.nulls}
        self._is_text = self.kind in ("text", "lower")
        self._numbers, self._moments = _dialect(column, dataset, company)
        self._births = BirthDates(column.format or (dataset.times if dataset else ()))
        self._values = {words.plain(word): meant for word, meant in column.values.items()}
        self._known: dict[Any, Cell] = {}
        self._plain: dict[str, Any] = {}
        self._hours = Hours(self._moments.read)
        self._looks_first = self._may_be_plain(column, dataset)
        self._of_kind: Callable[[str], Cell] = getattr(self, f"_{self.kind}")

    @property
    def saw_currency(self) -> bool:
        """Whether a cell named a currency beside its number."""
        return self._numbers.saw_currency

    @property
    def constant(self) -> Cell | None:
        """The value of a column that is one value for all rows."""
        return None if self.column.value is None else self.read(self.column.value)

    def read(self, given: Any) -> Cell:
        """The canonical value of a cell; raises `Unreadable`."""
        if type(given) is not str:
            return self._native(given)
        known = self._known.get(given)
        if known is None:
            known = self._fresh(cells.text(given))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if len(given) < 64:
                self._known[given] = known
        return known

    def read_many(self, given: list[Any]) -> "ManyCells":
        """The canonical values of many cells, with what is odd or unreadable by place."""
        if self._looks_first and (values := self._all_plain(given)) is not None:
            return ManyCells(values, is_as_written=self.kind != "time")
        try:
            known = self._plain
            return ManyCells([known[cell] for cell in given])
        except (KeyError, TypeError):
            pass
        found = ManyCells([None] * len(given))
        for place, cell in enumerate(given):
            try:
                value, odd = self.read(cell)
            except Unreadable as error:
                found.unreadable[place] = error
                continue
            found.values[place] = value
            if odd is not None:
                found.odd[place] = odd
            elif type(cell) is str and len(cell) < 64 and not isinstance(value, list):
                if len(self._plain) >= REMEMBERED:
                    self._plain.clear()
                self._plain[cell] = value
        return found

    def _may_be_plain(self, column: Column, dataset: Mapped | None) -> bool:
        """Whether cells can be canonical as they stand: nothing is declared that changes them."""
        if self._nulls or self._values or column.separator is not None:
            return False
        if self.kind == "number":
            return self._numbers.reads_points
        if self.kind == "time":
            return not (column.format or (dataset is not None and dataset.times))
        if self.name in PEOPLE:
            return self.name != "device_id" and self._company.blocked.is_as_shipped
        return self.kind in ("id", "email", "text", "integer")

    def _all_plain(self, given: list[Any]) -> list[Any] | None:
        if self.kind == "time":
            return self._hours.read(given)
        if not is_plain(self.kind, given):
            return None
        if self.name in PEOPLE and not self._company.blocked.lets_all(given):
            return None
        return given

    def _native(self, given: Any) -> Cell:
        if isinstance(given, list) and self.kind in ("emails", "phones", "email", "phone"):
            given = "\n".join(cells.text(item) for item in given)
        if isinstance(given, list | dict) and self.kind in ("id", "word", "number", "time", "date"):
            return Cell(None, "no single value")
        is_number = isinstance(given, int | float | Decimal) and not isinstance(given, bool)
        found = cells.text(given)
        if is_number and found and self.kind in ("number", "minutes", "integer"):
            number = Numbers(".").read(found)
            return self._limited(number)
        return self._fresh(found)

    def _fresh(self, found: str) -> Cell:
        if not found or found.casefold() in self._nulls:
            return NOTHING
        if not found.isascii() and self.kind in cells.OF_DIGITS:
            found = cells.with_our_digits(found)
        if self._is_text:
            if found in cells.NOTHING_IN_TEXT:
                return NOTHING
        elif found.casefold() in cells.NOTHING and words.plain(found) not in self._values:
            return NOTHING
        if self._values and self.kind != "word":
            found = self._values.get(words.plain(found), found)
        return self._of_kind(found)

    def _text(self, found: str) -> Cell:
        return Cell(found)

    def _lower(self, found: str) -> Cell:
        return Cell(found.lower())

    def _country(self, found: str) -> Cell:
        return Cell(found.upper())

    def _currency(self, found: str) -> Cell:
        upper = CURRENCIES.get(found.upper(), found.upper())
        is_code = len(upper) == 3 and upper.isascii() and upper.isalpha()
        return Cell(upper) if is_code else Cell("XXX", "no currency of three letters")

    def _id(self, found: str) -> Cell:
        try:
            cells.refuse_lost_digits(found)
        except Unreadable as problem:
            return Cell(None, str(problem))
        found = cells.whole_id(found)
        if self.name in PEOPLE and self._is_nobody(found):
            return NOTHING
        return Cell(found)

    def _is_nobody(self, found: str) -> bool:
        plain_form = unicodedata.normalize("NFKC", found).strip(" .")
        return self._company.blocked.blocks(self.name, plain_form) is not None

    def _email(self, found: str) -> Cell:
        return Cell(cells.addresses(found, self.column.separator))

    _emails = _email

    def _phone(self, found: str) -> Cell:
        try:
            cells.refuse_lost_digits(found)
        except Unreadable as problem:
            return Cell(None, str(problem))
        return Cell(cells.numbers(found, self.column.separator))

    _phones = _phone

    def _number(self, found: str) -> Cell:
        return Cell(self._numbers.read(found))

    def _minutes(self, found: str) -> Cell:
        return self._limited(self._numbers.read(found))

    def _integer(self, found: str) -> Cell:
        return Cell(integer(self._numbers.read(found)))

    def _limited(self, number: str) -> Cell:
        if self.kind == "integer":
            return Cell(integer(number))
        if self.kind == "minutes" and not 0 <= Decimal(number) <= 10_000_000:
            return Cell(None, "no number of minutes")
        return Cell(number)

    def _score(self, found: str) -> Cell:
        try:
            return Cell(score(found))
        except Unreadable as problem:
            return Cell(None, str(problem))

    def _time(self, found: str) -> Cell:
        return Cell(self._moments.read(found))

    def _date(self, found: str) -> Cell:
        try:
            return Cell(self._births.read(found))
        except Unreadable as problem:
            return Cell(None, str(problem))

    def _word(self, found: str) -> Cell:
        key, found = (self._entity, self.name), cells.whole_id(found)
        if (own := self._values.get(words.plain(found))) is not None:
            return Cell(own)
        if (known := words.meaning(*key, found)) is not None:
            return Cell(known)
        if words.has_no_meaning(*key, found):
            return NOTHING
        if key in words.OPEN:
            return Cell(words.plain(found))
        return Cell(words.cautious(*key, found), f"{UNKNOWN_WORD} {harmless(found)}")


def _dialect(column: Column, dataset: Mapped | None, company: Company) -> tuple[Numbers, Moments]:
    decimal, thousands = column.decimal, column.thousands
    if dataset is not None and decimal is None and thousands is None:
        decimal, thousands = dataset.decimal, dataset.thousands
    has_currency = dataset is not None and "currency" in dataset.columns
    formats = column.format or (dataset.times if dataset else ())
    zone = column.timezone or (dataset.timezone if dataset else None) or company.timezone
    return Numbers(decimal, thousands, has_currency), Moments(formats, zone, company.timezone)
