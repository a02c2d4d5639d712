"""Numbers as files write them; where a sign can mean two things, it is refused and not guessed.

>>> Numbers().read("1.234,56"), Numbers(decimal=",").read("1.234")
('1234.56', '1234')
>>> Numbers().read("1.234")
Traceback (most recent call last):
rapport.vendors.reading.problems.Unreadable: thousands or a fraction; say `decimal: "."` or `","`
"""

import re

from rapport.vendors.reading.problems import Unreadable

_PLAIN = re.compile(r"-?\d{1,18}(?:\.\d{1,2})?", re.ASCII)
_SHAPE = re.compile(
    r"(?P<open>\()? ?(?P<sign>[+-])? ?(?P<digits>\d(?:[\d.,' ]*\d)?|[.,]\d+)[.,]?"
    r"(?:[eE](?P<exponent>[+-]?\d{1,2}))? ?(?P<after>-)?(?(open)\))",
    re.ASCII,
)
# A dash in place of the cents, as in 12.- or 12,--
_NO_CENTS = re.compile(r"(?<=\d)[.,]\s?[-–—]{1,2}(?=\D*$)")
LONGEST = 64
_CURRENCY = re.compile(r"US\$|R\$|zł|kr|Kč|Ft|lei|[$€£¥₹₽₩₺₴]|[A-Z]{3}")
_SPACES = re.compile("[\u00a0\u2007\u2009\u202f\t]")
_OTHERS = {",": ". '", ".": ", '"}
LARGEST = 10**18
AMBIGUOUS = 'thousands or a fraction; say `decimal: "."` or `","`'


class Numbers:
    """Reads numbers with declared signs, or without: `read` gives digits with a point."""

    def __init__(
        self,
        decimal: str | None = None,
        thousands: str | None = None,
        has_currency: bool = False,
    ) -> None:
        self._decimal, self._thousands, self._has_currency = decimal, thousands, has_currency
        # Whether a cell named a currency, which has to be that of its row.
        self.saw_currency = False
        if decimal is None and thousands in (",", "."):
            self._decimal = "." if thousands == "," else ","

    @property
    def reads_points(self) -> bool:
        """Whether a point is a decimal sign where it can be one."""
        return self._decimal != ","

    def read(self, text: str) -> str:
        """Raises `Unreadable`."""
        if self._decimal != "," and _PLAIN.fullmatch(text):
            return text
        if len(text) > LONGEST:
            raise Unreadable("no number")
        cleaned = _SPACES.sub(" ", text.replace("\u2212", "-").replace("\u2019", "'")).strip()
        cleaned = _NO_CENTS.sub("", cleaned)
        match = _SHAPE.fullmatch(cleaned) or self._without_currency(cleaned)
        if match is None:
            raise Unreadable("no number")
        whole, fraction = self._parts(match["digits"].strip())
        is_negative = bool(match["open"]) or "-" in (match["sign"], match["after"])
        return _written(whole, fraction, int(match["exponent"] or 0), is_negative)

    def _without_currency(self, text: str) -> re.Match[str] | None:
        rest = _CURRENCY.sub("", text, count=1).strip()
        match = _SHAPE.fullmatch(rest) if rest != text else None
        if match is None:
            return None
        if not self._has_currency:
            raise Unreadable("a currency is in the cell; map `currency`, as a column or a value")
        self.saw_currency = True
        return match

    def _parts(self, digits: str) -> tuple[str, str]:
        """The digits before and after the decimal sign."""
        if self._decimal is not None:
            groups, _, fraction = digits.partition(self._decimal)
            allowed = _OTHERS[self._decimal] if self._thousands is None else self._thousands
            return _ungrouped(groups, "" if self._thousands == "none" else allowed), fraction
        signs = [sign for sign in ".," if sign in digits]
        if len(signs) == 2:
            last = max(signs, key=digits.rindex)
            groups, _, fraction = digits.rpartition(last)
            return _ungrouped(groups, _OTHERS[last]), fraction
        if not signs:
            return _ungrouped(digits, " '"), ""
        (sign,) = signs
        groups, _, fraction = digits.partition(sign)
        if digits.count(sign) > 1:
            return _ungrouped(digits, sign), ""
        bare = groups.replace(" ", "").replace("'", "")
        if len(fraction) == 3 and 1 <= len(groups) <= 3 and bare == groups and bare.strip("0"):
            raise Unreadable(AMBIGUOUS)
        return _ungrouped(groups, " '"), fraction


def _ungrouped(text: str, signs: str) -> str:
    """The digits without signs between groups; the last group has three digits."""
    if text.isdecimal() or not text:
        return text
    used = {sign for sign in text if not sign.isdecimal()}
    if len(used) != 1 or not used <= set(signs):
        raise Unreadable("no number; say its signs by `decimal` and `thousands`")
    (sign,) = used
    first, *rest = text.split(sign)
    if first.startswith("0"):
        raise Unreadable("no number; say its signs by `decimal` and `thousands`")
    # In India, groups before the last one have two digits.
    sizes = (2, 3) if sign == "," else (3,)
    is_grouped = rest[-1:] and len(rest[-1]) == 3 and all(len(group) in sizes for group in rest)
    if not (is_grouped and 1 <= len(first) <= 3):
        raise Unreadable("no number; say its signs by `decimal` and `thousands`")
    return first + "".join(rest)


def _written(whole: str, fraction: str, exponent: int, is_negative: bool) -> str:
    if fraction and not fraction.isdecimal():
        raise Unreadable("no number; say its signs by `decimal` and `thousands`")
    digits, places = whole + fraction, len(fraction) - exponent
    if places < 0:
        digits, places = digits + "0" * -places, 0
    digits = digits.rjust(places + 1, "0")
    before, after = (digits[:-places], digits[-places:]) if places else (digits, "")
    before = before.lstrip("0") or "0"
    if len(before) > 18 or len(after) > 60:
        raise Unreadable("a number out of all bounds")
    is_zero = before == "0" and not after.strip("0")
    text = f"{before}.{after}" if after else before
    return f"-{text}" if is_negative and not is_zero else text


_SYMBOLS = {
    "€": {"EUR"}, "£": {"GBP"}, "¥": {"JPY", "CNY"}, "₹": {"INR"}, "₽": {"RUB"}, "₩": {"KRW"},
    "₺": {"TRY"}, "₴": {"UAH"}, "zł": {"PLN"}, "US$": {"USD"}, "R$": {"BRL"}, "Kč": {"CZK"},
    "Ft": {"HUF"}, "lei": {"RON"}, "kr": {"SEK", "NOK", "DKK", "ISK"},
}  # fmt: skip


def names_another_currency(text: str, currency: str) -> bool:
    """Whether a cell such as 12 USD names a currency that is not that of its row.

    >>> names_another_currency("12 USD", "EUR"), names_another_currency("€12", "EUR")
    (True, False)
    """
    match = _CURRENCY.search(text)
    if match is None:
        return False
    found = match[0]
    if found == "$":
        return not (currency.endswith("D") or currency in ("MXN", "ARS", "CLP", "COP", "BRL"))
    return currency not in _SYMBOLS.get(found, {found.upper()})


def integer(text: str) -> str:
    """A whole number of at most nine digits; raises `Unreadable`."""
    whole, _, fraction = text.partition(".")
    if fraction.strip("0") or len(whole.lstrip("-")) > 9:
        raise Unreadable("no whole number")
    return whole
