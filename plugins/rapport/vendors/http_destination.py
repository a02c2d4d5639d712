"""The base of every destination with an HTTP API: it opens, calls and closes the client.

Each connector states the login, the address, the rate limit and the answers that refuse a batch.

>>> class Postbox(HttpDestination):
...     name, address = "postbox", "https://api.postbox.example"
>>> Postbox({}, Connection("postbox", password="demo")).close()
>>> Postbox({})
Traceback (most recent call last):
rapport.errors.ConfigError: connection "postbox": the access token is missing (password).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rapport.errors import ConfigError
from rapport.vendors.answers import body_of
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.destination import BatchRefused, Destination
from rapport.vendors.http import Answer, Client
from rapport.vendors.pace import Pace


class HttpDestination(Destination):
    """A destination with an HTTP API.

    `address` is the default if the connection has no host. `needed` are the connection's required
    fields; a field of its extra is written `extra.<name>`. `missing` is the error message if one
    of them is empty. `login` returns how calls are authenticated.
    """

    address: ClassVar[str] = ""
    needed: ClassVar[Sequence[str]] = ("password",)
    missing: ClassVar[str] = "the access token is missing (password)."

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._client = self.open(self._given())

    def login(self, connection: Connection) -> dict[str, Any]:
        """Arguments of `Client` that authenticate calls and set limits for this vendor."""
        return {"headers": {"Authorization": f"Bearer {connection.password}"}}

    def open(self, connection: Connection) -> Client:
        """A client that is logged in."""
        return self.client_at(base_url(connection, self.address), **self.login(connection))

    def client_at(self, address: str, **how: Any) -> Client:
        """A client with the name and the `sleep` function of this destination."""
        return Client(address, name=self.name, sleep=self.sleep, **how)

    def pace(self, requests: float, seconds: float) -> Pace:
        """A limit of `requests` calls in `seconds` seconds."""
        return Pace(requests, seconds, sleep=self.sleep)

    def ask_for_all(
        self,
        method: str,
        path: str,
        *,
        why: Callable[[Mapping[str, Any]], str],
        refused: Sequence[int] = (400, 413),
        **request: Any,
    ) -> Answer:
        """The answer to a call for a whole batch.

        Raises `BatchRefused` if the status is one of `refused`. `why` reads the vendor's error
        code from the body of such an answer.
        """
        answer = self._client.request(method, path, ok=tuple(refused), **request)
        if answer.status in refused:
            raise BatchRefused(f"{answer.status} {why(body_of(answer))}")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.__exit__(None, None, None)

    def _given(self) -> Connection:
        """The connection; raises `ConfigError` if a required field is empty."""
        given = self.connection
        if given is None or not all(_field(given, name) for name in self.needed):
            raise ConfigError(f'connection "{self.name}": {self.missing}')
        return given


def _field(connection: Connection, name: str) -> Any:
    where, _, key = name.rpartition(".")
    return connection.extra.get(key) if where == "extra" else getattr(connection, name)
