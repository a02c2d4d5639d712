"""Logins by OAuth 2: a token is asked for when the first call needs it, and again when it ran out.

>>> login = Login("https://accounts.example.com/token", name="example", grant="client_credentials",
...               client_id="id", client_secret="secret")
>>> httpx.Client(auth=login).auth is login
True
"""

import threading
from collections.abc import Callable, Generator
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import httpx
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749 import OAuth2Token
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from rapport.errors import GiveUp, RetryLater

REFUSED = 401
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
Token = OAuth2Token


class NoTokenError(GiveUp):
    """The vendor gives no token; `code` is its word for why, such as `invalid_grant`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Login(httpx.Auth):
    """The Authorization header of every call of a client, of all its threads.

    `scheme` is the word before the token. `more` goes along when a token is asked for, such as
    `refresh_token`; where `assertion` signs who we are (RFC 7523), there is no client id or secret,
    and each token gets a new one. `busy` are errors under which the vendor means: later. Where the
    vendor's address for tokens is down or throttles, its answer is the answer of the call, so that
    the client waits and tries again as for any other. Raises `GiveUp` where it says no.
    """

    leeway: ClassVar[int] = 60  # seconds before its end at which a token is not used any more

    def __init__(
        self,
        url: str,
        *,
        name: str,
        grant: str,
        client_id: str = "",
        client_secret: str = "",
        assertion: Callable[[], str] | None = None,
        scheme: str = "Bearer",
        busy: frozenset[str] = frozenset(),
        is_json: bool = False,
        **more: str,
    ) -> None:
        self._url, self._name, self._scheme, self._busy = url, name, scheme, busy
        self._grant, self._more, self._assertion = grant, more, assertion
        self._is_json, self._has_secret = is_json, bool(client_secret)
        self._client = ClientAuth(client_id, client_secret, "client_secret_post")
        self._token: OAuth2Token | None = None
        self._lock = threading.Lock()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """The call with a token; once more with a new one where the token is refused."""
        used: OAuth2Token | None = None
        for _ in range(2):
            token = self._current()
            is_used = token is not None and used is not None and token == used
            if token is None or is_used or token.is_expired(leeway=self.leeway):
                refused = yield from self._renew(token or used, request)
                if refused:
                    return
                token = self._token
            assert token is not None
            request.headers["Authorization"] = f"{self._scheme} {token['access_token']}"
            response = yield request
            if response.status_code != REFUSED:
                return
            used = token
            with self._lock:
                self._token = None if self._token is used else self._token

    def _current(self) -> OAuth2Token | None:
        """The token to begin with; None where one has to be asked for."""
        return self._token

    def _renew(
        self, used: OAuth2Token | None, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, bool]:
        """Get a token, unless another thread got one meanwhile. True: there is none."""
        with self._lock:
            if self._token is not None and self._token is not used:
                return False
            response = yield self._question(request)
            response.read()
            told = self._told(response)
            if told is None:
                return True
            self._token = OAuth2Token(told)
            return False

    def _question(
        self, request: httpx.Request, grant: str | None = None, **fields: str
    ) -> httpx.Request:
        url, headers, grant = self._url, dict(FORM), grant or self._grant
        more = self._more | fields
        if self._assertion is None:
            body = prepare_token_request(grant, **more)
            url, headers, body = self._client.prepare("POST", url, headers, body)
        else:
            body = prepare_token_request(grant, assertion=self._assertion(), **more)
        if self._is_json:
            headers["Content-Type"] = "application/json"
            body = msgspec.json.encode(dict(parse_qsl(body))).decode()
        options: Any = {"headers": headers, "content": body, "extensions": request.extensions}
        return httpx.Request("POST", url, **options)

    def _told(self, response: httpx.Response) -> dict[str, Any] | None:
        """The token's fields; None where the answer is the client's to judge."""
        try:
            told = msgspec.json.decode(response.content, type=dict[str, Any])
        except msgspec.DecodeError:
            if response.is_success:
                raise httpx.DecodingError("no token in the answer", request=None) from None
            return None
        if response.is_success and told.get("access_token"):
            return told
        error = str(told.get("error", ""))
        if error in self._busy:
            raise RetryLater(f"{self._name}: no token now ({error}). Run again later.", 600)
        if error.startswith(("invalid_", "unauthorized_", "unsupported_")) or response.is_success:
            code = error if error.replace("_", "").isalnum() else "no reason given"
            raise NoTokenError(
                f'{self._name}: no token ({code}). Check the connection "{self._name}": its login '
                "is refused.",
                code,
            )
        return None
