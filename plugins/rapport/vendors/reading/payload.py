"""The payload of a mapped row: the row as it was read, with `_read` beside it.

`_read` holds the canonical values that are not written in the cell just so. What is missing there
stands in the cell, and an empty cell is nothing.

>>> differing({"amount": "1234.56", "email": "a@x.de"}, {"Betrag": "1.234,56", "Mail": "a@x.de"},
...     {"amount": "Betrag", "email": "Mail"})
{'amount': '1234.56'}
>>> with_read(b'{"id": "7"}', {"order_id": "7"})
b'{"_read":{"order_id":"7"},"id": "7"}'
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from rapport.vendors.blocked import Blocked
from rapport.vendors.datasets import Mapped
from rapport.vendors.reading.columns import Company
from rapport.vendors.reading.numbers_in_json import as_json
from rapport.vendors.reading.row import READ
from rapport.vendors.source import with_context

# Raised when a release reads cells in another way, so that landed rows are read again.
VERSION = 3


def with_read(
    json: bytes,
    read: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
    row: Mapping[str, Any] | None = None,
) -> bytes:
    """The JSON of a row with its canonical values in front.

    `row` is the same decoded: a member of it that has the name of one of ours would hide ours.
    """
    context = {READ: read, **(more or {})}
    if row is not None and not context.keys().isdisjoint(row):
        return as_json({**row, **context})
    return with_context(json, context)


def differing(
    read: Mapping[str, Any],
    row: Mapping[str, Any],
    columns: Mapping[str, str],
    hidden: Collection[str] = (),
) -> dict[str, Any]:
    """The canonical values without those that are the text of their cell.

    `hidden` are members of the row that the payload does not have, since ours have these names.
    """
    found = dict(read)
    for name, column in columns.items():
        if column not in row or column in hidden:
            continue
        given = row[column]
        text = given if isinstance(given, str) else _text(given)
        value = found.get(name)
        if value is None:
            if text != "":
                found[name] = None
        elif value == text:
            del found[name]
    return found


def _text(given: Any) -> str | None:
    """What Postgres makes of a JSON value, where that is certain; "" for null."""
    if given is None:
        return ""
    return str(given) if type(given) is int else None


def digest(dataset: Mapped, company: Company, questions: Mapping[str, str]) -> str:
    """What decides how rows are read, as a short text."""
    said = [
        VERSION,
        dataset.model_dump(mode="json", exclude={"enabled"}),
        company.timezone,
        _blocked(company.blocked),
        dict(questions),
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _blocked(blocked: Blocked) -> Any:
    return blocked.model_dump(include=set(Blocked.model_fields))
