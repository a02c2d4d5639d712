"""The formats of times that rapport.yml can name.

>>> pattern_of("%d.%m.%Y").fullmatch("1.2.2026").groupdict()
{'day': '1', 'month': '2', 'year': '2026'}
"""

import re
from functools import lru_cache

# Units per second; a number of days since 1899-12-30 is what spreadsheets hold.
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
SERIAL = "excel"
_DIGITS = {
    "%Y": "year>[0-9]{4}", "%y": "short_year>[0-9]{2}", "%m": "month>[0-9]{1,2}",
    "%d": "day>[0-9]{1,2}", "%H": "hour>[0-9]{1,2}", "%I": "hour12>[0-9]{1,2}",
    "%M": "minute>[0-9]{1,2}", "%S": "second>[0-9]{1,2}", "%f": "fraction>[0-9]{1,9}",
    "%z": r"offset>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?", "%p": r"half>[AaPp]\.?[Mm]\.?",
    "%b": r"name>[^\W\d_]+\.?", "%B": r"name>[^\W\d_]+\.?", "%a": r"weekday>[^\W\d_]+\.?",
    "%A": r"weekday>[^\W\d_]+\.?",
}  # fmt: skip
_DIRECTIVE = re.compile("%.?")


def checked_format(format: str) -> str:
    """The format as it is; raises `ValueError` for one that cannot be a time."""
    pattern_of(format)
    return format


@lru_cache
def pattern_of(format: str) -> re.Pattern[str] | None:
    """The expression that a time in this format matches; None for a count of seconds or days."""
    if format in EPOCHS or format == SERIAL:
        return None
    directives = [directive.replace("%-", "%") for directive in _DIRECTIVE.findall(format)]
    if unknown := [directive for directive in directives if directive not in _DIGITS]:
        known = " ".join([*_DIGITS, *EPOCHS, SERIAL])
        raise ValueError(f"{unknown[0]} is none of {known}")
    if len(set(directives)) < len(directives):
        raise ValueError("write each of %Y, %m, %d and so on once")
    groups = {_DIGITS[directive].partition(">")[0] for directive in directives}
    has_day = {"day"} <= groups and groups & {"month", "name"} and groups & {"year", "short_year"}
    if not has_day or (("hour12" in groups) != ("half" in groups)):
        raise ValueError("write a year, a month and a day, such as %d.%m.%Y; %I goes with %p")
    pattern, end = "", 0
    for match in _DIRECTIVE.finditer(format):
        pattern += _literal(format[end : match.start()]) + f"(?P<{_DIGITS[match[0]]})"
        end = match.end()
    return re.compile(pattern + _literal(format[end:]))


def _literal(text: str) -> str:
    return r"\s+".join(re.escape(part) for part in re.split(r"\s+", text))
