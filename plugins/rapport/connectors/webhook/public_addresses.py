"""A way out that leads to public addresses only, whatever a name is said to mean.

The name is looked up once for each request, every address that it has is judged, and the connection
goes to one that was judged, so that a second look-up cannot lead elsewhere. TLS still asks for the
name (https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).

>>> is_public("93.184.215.14"), is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
(True, False, False)
"""

import ipaddress
import socket
from collections.abc import Callable

import httpx

from rapport.errors import ConfigError, GiveUp

Lookup = Callable[[str, int], list[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def look_up(host: str, port: int) -> list[str]:
    """Every address of a host. Raises httpx.ConnectError where it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx.ConnectError("the host's name is not known") from error
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def is_public(address: str) -> bool:
    """Whether it is out on the internet, also as the IPv4 address inside of an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo is not None:
            return False
        ip = inner or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class PinnedTransport(httpx.BaseTransport):
    """Sends every request to one URL, at an address that was judged.

    Raises `ConfigError` for a URL that is no https, and `GiveUp` when the host has an address that
    is not public, unless `allow_private`.
    """

    def __init__(
        self,
        url: str,
        *,
        allow_private: bool = False,
        look_up: Lookup = look_up,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            self.url = httpx.URL(url)
        except httpx.InvalidURL:
            self.url = httpx.URL("")
        is_known = self.url.scheme == "https" or (allow_private and self.url.scheme == "http")
        if not is_known or not self.url.host or self.url.userinfo or self.url.fragment:
            raise ConfigError(
                'connection "webhook": the host must be an https URL without login or fragment. '
                "For a receiver in your own network set allow_private in the connection's extra."
            )
        self._allow_private = allow_private
        self._look_up = look_up
        self._inner = inner or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the judged address."""
        host, port = self.url.host, self.url.port or {"https": 443, "http": 80}[self.url.scheme]
        found = self._look_up(host, port)
        if not self._allow_private and not all(map(is_public, found)):
            raise GiveUp(
                "webhook: the host leads into a private network, nothing was sent. Correct it, or "
                "set allow_private in the connection's extra if that is meant."
            )
        request.url = self.url.copy_with(host=found[0])
        request.extensions["sni_hostname"] = host
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
