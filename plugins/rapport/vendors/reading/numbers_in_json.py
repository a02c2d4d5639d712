"""JSON in which decimal numbers keep every digit and stay numbers.

>>> as_json({"sum": from_json(b"12345678901234567.890")})
b'{"sum":12345678901234567.890}'
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def as_json(value: Any) -> bytes:
    """The JSON of a value; what JSON does not know is text."""
    return _ENCODER.encode(value)


def as_json_lines(values: Sequence[Any]) -> list[bytes]:
    """The JSON of each value."""
    return _ENCODER.encode_lines(values).split(b"\n")[:-1]


def from_json(text: bytes) -> Any:
    """The value, with `Decimal` for numbers with a point."""
    return _DECODER.decode(text)
