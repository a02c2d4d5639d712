"""Numbers, times and amounts in the format of the reader's language.

>>> Words("en").number(1234.5), Words("de").number(1234.5)
('1,234.5', '1.234,5')
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

NONE = "–"


@dataclass(frozen=True, slots=True)
class Words:
    """The formats of one language; times are in UTC, and the pages say so beside them."""

    locale: str = "en"

    def number(self, value: Any, digits: int = 2) -> str:
        """A number with at most so many digits after the point; a dash for None."""
        from babel.numbers import format_decimal

        if value is None:
            return NONE
        if isinstance(value, int):
            return format_decimal(value, locale=self.locale)
        exact = Decimal(str(value))
        if not exact.is_finite():
            return NONE
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(exact, format=pattern, locale=self.locale)

    def share(self, value: Any, digits: int = 1) -> str:
        """0.125 as 12.5 %."""
        from babel.numbers import format_percent

        if value is None:
            return NONE
        pattern = "#,##0." + "#" * digits + " %"
        return format_percent(Decimal(str(value)), format=pattern, locale=self.locale)

    def measure(self, name: str, value: Any) -> str:
        """A measure of a mart: a rate or a share as a percentage, else a number."""
        return self.share(value) if is_share(name) else self.number(value)

    def change(self, now: Any, before: Any, measure: str = "") -> str:
        """The difference with its sign; a dash if one of the two is unknown."""
        if now is None or before is None:
            return NONE
        difference = Decimal(str(now)) - Decimal(str(before))
        text = self.measure(measure, abs(difference))
        if not any(digit in text for digit in "123456789"):
            return f"±{self.number(0)}"
        return f"{'+' if difference > 0 else '−'}{text}"

    def money(self, amount: Any, currency: str | None) -> str:
        """An amount with its currency's code."""
        from babel.numbers import format_decimal

        if amount is None or not Decimal(str(amount)).is_finite():
            return NONE
        exact = Decimal(str(amount))
        pattern = "#,##0" if exact == exact.to_integral_value() else "#,##0.00"
        return f"{format_decimal(exact, pattern, locale=self.locale)} {currency or ''}".strip()

    def day(self, value: date | datetime | None) -> str:
        """A day."""
        from babel.dates import format_date

        return NONE if value is None else format_date(_utc(value), "medium", locale=self.locale)

    def time(self, value: datetime | None) -> str:
        """A day and a minute, UTC."""
        from babel.dates import format_date, format_time

        if value is None:
            return NONE
        moment = _utc(value)
        day = format_date(moment, "medium", locale=self.locale)
        return f"{day}, {format_time(moment, 'HH:mm', locale=self.locale)}"

    def any(self, value: Any) -> str:
        """A value of any type."""
        if value is None:
            return NONE
        if isinstance(value, datetime):
            return self.time(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self.number(value)
        return str(value)

    def ago(self, value: datetime | None, now: datetime) -> str:
        """How much older than `now`: 3 days."""
        from babel.dates import format_timedelta

        if value is None:
            return NONE
        return format_timedelta(max(now - value, timedelta()), locale=self.locale)

    def seconds(self, value: float | None) -> str:
        """Seconds below a minute, else minutes."""
        if value is None:
            return NONE
        from babel.units import format_unit

        parts: list[tuple[float, str]] = [(int(value // 60), "minute"), (int(value % 60), "second")]
        if value < 60:
            parts = [(round(value, 1), "second")]
        return " ".join(
            format_unit(number, f"duration-{unit}", "short", locale=self.locale)
            for number, unit in parts
        )


def _utc(value: date | datetime) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def is_share(name: str) -> bool:
    """Whether a measure of that name lies between 0 and 1.

    >>> is_share("churn_rate_30d"), is_share("rated")
    (True, False)
    """
    return bool({"rate", "share", "probability"} & set(name.lower().split("_")))
