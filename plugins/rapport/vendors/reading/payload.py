"""The payload of a mapped row: the row as it was read, with `_read` beside it.

>>> with_read(b'{"id": "7"}', {"order_id": "7"})
b'{"_read":{"order_id":"7"},"id": "7"}'
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from rapport.vendors.blocked import Blocked
from rapport.vendors.datasets import Mapped
from rapport.vendors.reading.columns import Company
from rapport.vendors.reading.row import READ
from rapport.vendors.source import with_context

# Raised when a release reads cells in another way, so that landed rows are read again.
VERSION = 1
_MARK = b'"_read"'


def with_read(json: bytes, read: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> bytes:
    """The JSON of a row with its canonical values in front."""
    context = {READ: read, **(more or {})}
    if _MARK in json:
        # A row that has such a member itself would hide ours.
        row = msgspec.json.decode(json)
        return msgspec.json.encode({**row, **context})
    return with_context(json, context)


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
