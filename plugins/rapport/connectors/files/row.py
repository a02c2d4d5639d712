"""A row on its way from any format.

>>> Row(3, b"1,2", {"a": "1", "b": "2"}).problem is None
True
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """What stands at a line: `json` where it is JSON already, `problem` where it cannot be read."""

    number: int
    original: bytes
    values: Mapping[str, Any] = field(default_factory=dict)
    json: bytes | None = None
    problem: str | None = None
