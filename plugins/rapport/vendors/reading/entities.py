"""What the cells of a row say together, for the entities where one cell changes another's meaning.

>>> order_of([{"order_id": "1", "status": "paid", "amount": "62.95"}, {"amount": "37.95"}])
{'order_id': '1', 'status': 'paid', 'amount': '100.90'}
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from rapport.vendors import words
from rapport.vendors.datasets import Mapped
from rapport.vendors.reading.columns import BLANK, ManyCells
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.scores import on_scale

Values = dict[str, Any]
Row = Mapping[str, Any]
OFF_SCALE = "off the scale"
SUMMED = ("amount", "quantity")
PRICES = ("unit_price", "order_amount")
_PART_OF_PAGE = re.compile(
    r"\.(?:css|js|mjs|map|json|xml|txt|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|eot|mp4|pdf)(?:[?#]|$)",
    re.IGNORECASE,
)


def _odd(values: Values, name: str, reason: str) -> None:
    values.setdefault("odd", {})[name] = reason


def _blank_is_unknown(values: Values, dataset: Mapped, name: str = "status") -> None:
    """A blank cell of a column that says the state says nothing good."""
    if name in dataset.columns and name not in values:
        meant = words.UNKNOWN.get((dataset.entity, name))
        if meant is not None:
            values[name] = meant
            values.setdefault("odd", {}).setdefault(name, BLANK)


def keep_on_scale(values: Values, name: str, scale: str | None) -> None:
    """Takes a number away that is not on the scale, and says so."""
    number = on_scale(values[name], scale)
    if number is None:
        del values[name]
        _odd(values, name, OFF_SCALE)
    else:
        values[name] = number


# The cells that only the first line of an order has, and those that each line has.
OF_LINE = ("product_id", "product_name", "category", "quantity", "unit_price")
OF_ORDER = ("ordered_at", "status", "kind", "customer_id", "user_id", "email", "currency")


def refuse_unless_lines(rows: Sequence[Values]) -> None:
    """Raises `Unreadable` for rows of one id that may be versions, or repeat the order's amount."""
    for name in OF_ORDER:
        found = {str(row[name]) for row in rows if name in row}
        if len(found) > 1:
            raise Unreadable(
                f"{len(rows)} rows have the same order id and differ in {name}; say `rows: lines` "
                "to add them up, or `rows: versions` where the last one counts"
            )
    amounts = [row.get("amount") for row in rows]
    if None not in amounts and len(set(amounts)) == 1 and "order_amount" not in rows[0]:
        raise Unreadable(
            f"{len(rows)} rows have the same order id and the same amount; say `rows: lines` "
            "to add them up, or map the column to `order_amount` if it is the whole order's"
        )


def refuse_different_orders(rows: Sequence[Values]) -> None:
    """Raises `Unreadable` for lines that cannot be added up: of other people or currencies."""
    for name in ("currency", "customer_id", "user_id", "email"):
        found = {str(row[name]).lower() for row in rows if name in row}
        if len(found) > 1:
            raise Unreadable(f"{len(rows)} lines of one order differ in {name}")


def order_of(lines: Sequence[Values]) -> Values:
    """One order from its lines: amounts and quantities are added up, of all else the first cell."""
    if len(lines) == 1:
        return dict(lines[0])
    for line in lines:
        signed(line)
    kept = [line for line in lines if "excluded" not in line]
    if not kept:
        return {"excluded": True}
    order: Values = {}
    for line in kept:
        for name, value in line.items():
            if name == "odd":
                order["odd"] = {**value, **order.get("odd", {})}
            else:
                order.setdefault(name, value)
    for name in SUMMED:
        found = [Decimal(line[name]) for line in kept if name in line]
        if found:
            order[name] = format(sum(found, Decimal()), "f")
    if len({line["order_amount"] for line in kept if "order_amount" in line}) > 1:
        _odd(order, "order_amount", "the lines of an order differ")
    return order


def signed(line: Values) -> None:
    """The amount of a row with its sign: what is given back is negative, a test is left out."""
    _price(line)
    kind = line.pop("kind", None)
    if kind == "test":
        line["excluded"] = True
    for name in ("amount", "order_amount"):
        amount = line.get(name)
        if kind == "refund" and amount is not None and not amount.startswith("-"):
            line[name] = f"-{amount}"


def _price(line: Values) -> None:
    """The amount of a line that has none: its pieces times the price of one."""
    amount = _times(line.pop("unit_price", None), line.get("quantity"))
    if amount is not None:
        line.setdefault("amount", amount)


def _times(price: str | None, quantity: str | None) -> str | None:
    """So many pieces at a price; one where nothing is said."""
    if price is None:
        return None
    return format(Decimal(price) * Decimal("1" if quantity is None else quantity), "f")


def _orders(values: Values, dataset: Mapped, row: Row) -> None:
    signed(values)
    if (total := values.pop("order_amount", None)) is not None:
        values["amount"] = total
    _blank_is_unknown(values, dataset)


def _states(values: Values, dataset: Mapped, row: Row) -> None:
    _blank_is_unknown(values, dataset)


def _conversations(values: Values, dataset: Mapped, row: Row) -> None:
    if "status" not in values and "solved_at" in values:
        values["status"] = "solved"
    _blank_is_unknown(values, dataset)


def _consents(values: Values, dataset: Mapped, row: Row) -> None:
    """A no counts for everything that is not understood; a yes only for what it names."""
    odd = values.get("odd", {})
    if values.get("status") == "withdrawn":
        return
    if "occurred_at" in odd:
        raise Unreadable(odd["occurred_at"])
    for name in ("channel", "purpose"):
        if name in odd or (name in dataset.columns and name not in values):
            values[name] = "unknown"
            values.setdefault("odd", {}).setdefault(name, BLANK)


def _message_events(values: Values, dataset: Mapped, row: Row) -> None:
    """Somebody who wants no more mail is heard, whenever it was."""
    time = values.get("odd", {}).get("occurred_at")
    if time is not None and values.get("event_type") not in ("unsubscribed", "complained"):
        raise Unreadable(time)


def _web_events(values: Values, dataset: Mapped, row: Row) -> None:
    host = values.pop("remote_host", None)
    if host is not None:
        # IP addresses are personal data, so only a hash of address and user agent is used.
        visitor = f"{host} {values.get('user_agent', '')}"
        values["device_id"] = hashlib.sha256(visitor.encode()).hexdigest()
    if "event_name" not in dataset.columns and "method" in row and "status" in row:
        values["event_name"] = page_or_request(row["method"], row["status"], row.get("path"))


def page_or_request(method: Any, status: Any, path: Any) -> str:
    """Whether a line of an access log is the view of a page: a good GET, and no part of a page."""
    is_page = method == "GET" and str(status)[:1] in ("2", "3")
    return "page_view" if is_page and not _PART_OF_PAGE.search(str(path or "")) else "request"


FINISH: dict[str, Callable[[Values, Mapped, Row], None]] = {
    "orders": _orders,
    "subscriptions": _states,
    "payments": _states,
    "conversations": _conversations,
    "consent_events": _consents,
    "message_events": _message_events,
    "web_events": _web_events,
}
# Entities whose rows may say no, at a time that cannot be read, too.
OF_REFUSALS = ("consent_events", "message_events")
# Rows of these are always read one by one.
BY_ROW = (*OF_REFUSALS, "survey_responses")


def needs_each_row(dataset: Mapped, columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a function of `FINISH` would change a row with these columns."""
    if dataset.entity == "orders" and "kind" in dataset.columns:
        return True
    if dataset.entity == "orders" and not dataset.columns.keys().isdisjoint(PRICES):
        amounts = dataset.columns.keys() & {*SUMMED, *PRICES}
        if not amounts <= columns.keys():  # one of them is the same for all rows
            return True
    if dataset.entity == "web_events":
        return "remote_host" in dataset.columns or "event_name" not in dataset.columns
    if dataset.entity == "conversations" and "status" not in columns:
        return "solved_at" in columns
    return dataset.entity in FINISH and None in columns.get("status", ())


def finish_amounts(columns: dict[str, tuple[ManyCells, list[Any]]]) -> None:
    """What `_orders` does to the amounts of a row, for all rows."""
    if columns.keys().isdisjoint(PRICES):
        return
    count = len(next(iter(columns.values()))[1])
    nothing: list[Any] = [None] * count
    amount, given = columns.get("amount", (ManyCells(nothing), nothing))
    names = ("quantity", *PRICES)
    read = [columns[name][0].values if name in columns else nothing for name in names]
    values = [
        total if total is not None else own if own is not None else _times(price, quantity)
        for own, quantity, price, total in zip(amount.values, *read, strict=True)
    ]
    is_as_written = amount.is_as_written and values == amount.values
    columns["amount"] = replace(amount, values=values, is_as_written=is_as_written), given
    for name in columns.keys() & set(PRICES):
        before, cells = columns[name]
        columns[name] = replace(before, values=nothing, is_as_written=False), cells
