"""Rows of a file with one JSON object a line; they land byte for byte.

>>> [row.problem for row in rows(iter([Line(1, b"{}"), Line(2, b"[1]")]))]
[None, 'not a JSON object']
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Line

_DECODER = msgspec.json.Decoder(dict[str, Any])


def rows(lines: Iterator[Line]) -> Iterator[Row]:
    for number, content, problem in lines:
        if problem is not None:
            yield Row(number, content, problem=problem)
            continue
        try:
            values = _DECODER.decode(content)
        except msgspec.ValidationError:
            yield Row(number, content, problem="not a JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield Row(number, content, problem="not JSON")
        except RecursionError:
            yield Row(number, content, problem="nested too deep")
        else:
            yield Row(number, content, values, json=content)
