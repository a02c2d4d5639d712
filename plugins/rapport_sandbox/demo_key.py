"""The demo's RSA key, computed from a fixed word. It is not a secret, and no file contains it.

>>> text = b"header.claims"
>>> is_signed(text, pow(int.from_bytes(padded(text)), D, N).to_bytes(256))
True
"""

import base64
import hashlib

E = 65537
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2


def _prime(word: str, offset: int) -> int:
    """The first prime after a word's digest. `offset` is the distance, found once by search."""
    start = int.from_bytes(hashlib.shake_256(word.encode()).digest(128))
    return (start | 3 << 1022 | 1) + offset


P, Q = _prime("rapport sandbox p", 120), _prime("rapport sandbox q", 524)
N, D = P * Q, pow(E, -1, (P - 1) * (Q - 1))


def private_key() -> str:
    """The private key as PEM (PKCS 1)."""
    numbers = (0, N, E, D, P, Q, D % (P - 1), D % (Q - 1), pow(Q, -1, P))
    body = base64.encodebytes(_tagged(0x30, b"".join(map(_integer, numbers)))).decode()
    kind = "RSA PRIVATE KEY"
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n"


def padded(text: bytes) -> bytes:
    """The padded SHA-256 of a text, which an RS256 signature encrypts with the key."""
    digest = _SHA256 + hashlib.sha256(text).digest()
    return b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest


def is_signed(text: bytes, signature: bytes) -> bool:
    """Whether the demo's key made the RS256 signature of a text."""
    return pow(int.from_bytes(signature), E, N).to_bytes(256) == padded(text)


def _integer(number: int) -> bytes:
    return _tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1))


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
