r"""Replaces characters in a record that Postgres cannot store in jsonb by U+FFFD.

These are NUL (`\u0000`), half of a surrogate pair, and bytes that are not UTF-8. The original bytes
are stored in `raw.rejected_records` with the outcome `repaired`.

>>> repair(b'{"name": "a\\u0000b"}')
b'{"name": "a\\ufffdb"}'
"""

import re

LARGEST_RECORD = 64 * 1024 * 1024

_ESCAPES = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_REPLACEMENT = rb"\ufffd"


def repair(record: bytes) -> bytes:
    """The record with every character replaced that a jsonb value cannot hold."""
    text = record.decode("utf-8", errors="replace").encode()
    if b"\\u" not in text:
        return text
    parts: list[bytes] = []
    end = 0
    high: int | None = None
    for match in _ESCAPES.finditer(text):
        if match.start() != end and high is not None:
            parts[high], high = _REPLACEMENT, None
        parts.append(text[end : match.start()])
        end = match.end()
        code = int(match[1], 16) if match[1] else None
        is_low = code is not None and 0xDC00 <= code <= 0xDFFF
        if high is not None and not is_low:
            parts[high], high = _REPLACEMENT, None
        if is_low:
            parts.append(match[0] if high is not None else _REPLACEMENT)
            high = None
        elif code is not None and 0xD800 <= code <= 0xDBFF:
            high = len(parts)
            parts.append(match[0])
        else:
            parts.append(_REPLACEMENT if code == 0 else match[0])
    if high is not None:
        parts[high] = _REPLACEMENT
    parts.append(text[end:])
    return b"".join(parts)
