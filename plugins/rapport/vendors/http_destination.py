"""A destination that is called over HTTP: what opening, asking and closing have in common.

How a tool is logged in to, where it is, how fast it may be called and which answers refuse a batch
stays with each connector.

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
    """A tool with an API.

    `address` is where it is when the connection has no host. `needed` names the fields of the
    connection that a login cannot do without, those of its extra as `extra.<name>`; `missing` is
    what is said when one of them is empty. `login` is how calls are logged in.
    """

    address: ClassVar[str] = ""
    needed: ClassVar[Sequence[str]] = ("password",)
    missing: ClassVar[str] = "the access token is missing (password)."

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._client = self.open(self._given())

    def login(self, connection: Connection) -> dict[str, Any]:
        """What a `Client` needs to be logged in, and how it behaves with this tool."""
        return {"headers": {"Authorization": f"Bearer {connection.password}"}}

    def open(self, connection: Connection) -> Client:
        """A client that is logged in."""
        return self.client_at(base_url(connection, self.address), **self.login(connection))

    def client_at(self, address: str, **how: Any) -> Client:
        """A client of this destination: named like it, and sleeping as it was told to."""
        return Client(address, name=self.name, sleep=self.sleep, **how)

    def pace(self, requests: float, seconds: float) -> Pace:
        """At most so many calls in so many seconds."""
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
        """The answer to a call that is about a whole batch.

        Raises `BatchRefused` where its status is one of `refused`; `why` finds the vendor's code
        in the body of such an answer.
        """
        answer = self._client.request(method, path, ok=tuple(refused), **request)
        if answer.status in refused:
            raise BatchRefused(f"{answer.status} {why(body_of(answer))}")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._client.__exit__(None, None, None)

    def _given(self) -> Connection:
        """The connection with all that is needed; raises `ConfigError`."""
        given = self.connection
        if given is None or not all(_field(given, name) for name in self.needed):
            raise ConfigError(f'connection "{self.name}": {self.missing}')
        return given


def _field(connection: Connection, name: str) -> Any:
    where, _, key = name.rpartition(".")
    return connection.extra.get(key) if where == "extra" else getattr(connection, name)
