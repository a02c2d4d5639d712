"""A row on its way from any format.

>>> Row(3, b"1,2", {"a": "1", "b": "2"}).problem is None
True
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Row(msgspec.Struct, frozen=True, gc=False):
    """What stands at a line: `json` where it is JSON already, `problem` where it cannot be read."""

    number: int
    original: bytes
    values: Mapping[str, Any] = NOTHING
    json: bytes | None = None
    problem: str | None = None
