"""Times as files write them: ISO 8601 beginning with the year, or in a declared format.

>>> is_moment("31.03.2026", "%d.%m.%Y"), is_moment("03/04/2026", None)
(True, False)
"""

import re
from datetime import datetime
from functools import lru_cache

TOKENS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS"}
EPOCHS = ("epoch_s", "epoch_ms")
_PARTS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second"}
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?|\d{8}"
)
_EPOCH = re.compile(r"\d{1,14}(?:\.\d+)?")
_DIRECTIVE = re.compile("%.?")


@lru_cache
def pattern_of(format: str) -> re.Pattern[str]:
    """The expression that a time in this format matches; raises `ValueError`."""
    if format in EPOCHS:
        return _EPOCH
    directives = _DIRECTIVE.findall(format)
    if unknown := [directive for directive in directives if directive not in TOKENS]:
        raise ValueError(f"{unknown[0]} is none of {' '.join(TOKENS)}")
    if not {"%Y", "%m", "%d"} <= set(directives) or len(set(directives)) < len(directives):
        raise ValueError("write %Y, %m and %d once, and %H, %M and %S at most once")
    pattern, end = "", 0
    for match in _DIRECTIVE.finditer(format):
        digits = 4 if match[0] == "%Y" else 2
        pattern += re.escape(format[end : match.start()])
        pattern += f"(?P<{_PARTS[match[0]]}>[0-9]{{{digits}}})"
        end = match.end()
    return re.compile(pattern + re.escape(format[end:]))


@lru_cache(maxsize=4096)
def is_moment(text: str, format: str | None) -> bool:
    """Whether the text is a time that exists."""
    if format is None:
        try:
            return bool(_ISO.fullmatch(text)) and bool(datetime.fromisoformat(text))
        except ValueError:
            return False
    match = pattern_of(format).fullmatch(text)
    if match is None or format in EPOCHS:
        return match is not None
    try:
        datetime(**{name: int(digits) for name, digits in match.groupdict().items()})  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return False
    return True


def warehouse_format(format: str) -> str:
    """The format in Postgres' words.

    >>> warehouse_format("%d.%m.%Y %H:%M")
    'DD.MM.YYYY HH24:MI'
    """
    return _DIRECTIVE.sub(lambda match: TOKENS[match[0]], format) if "%" in format else format
