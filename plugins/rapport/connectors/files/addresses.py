"""Addresses of visitors in logs.

>>> visitor(["10.0.0.7", "203.0.113.5:4711"])
'203.0.113.5'
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Of proxies and of machines behind them, not of visitors.
PRIVATE = [
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip
_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


@lru_cache(maxsize=4096)
def is_address(text: str) -> bool:
    """Whether this is an address of IPv4 or IPv6, with or without a port."""
    return _parsed(text) is not None


def visitor(addresses: Sequence[str]) -> str:
    """The first address that is not a private one, else the first; without its port."""
    for text in addresses:
        if not _is_private(text):
            return _bare(text)
    return _bare(addresses[0])


@lru_cache(maxsize=4096)
def _is_private(text: str) -> bool:
    parsed = _parsed(text)
    return parsed is None or any(
        parsed in network for network in PRIVATE if network.version == parsed.version
    )


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    if len(text) > 50:
        return None
    try:
        return ip_address(_bare(text))
    except ValueError:
        return None


def _bare(text: str) -> str:
    match = _WITH_PORT.fullmatch(text)
    return match[1].strip("[]") if match else text
