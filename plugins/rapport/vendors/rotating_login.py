"""Logins whose refresh ends the former tokens: the new pair is stored before it is used.

>>> login = RotatingLogin("https://example.com/oauth/tokens", tokens, name="example",
...                       client_id="id")  # doctest: +SKIP
"""

import logging
import time
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from rapport import faults
from rapport.errors import GiveUp
from rapport.vendors.oauth import Login, NoTokenError, Token

log = logging.getLogger(__name__)

LEEWAY = 5  # seconds


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token with the refresh token that replaces it; the repr shows neither.

    `expires_at` is in Unix seconds. `is_in_doubt` means that a refresh was begun and its answer
    was not stored: the vendor may have ended both.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float | None = None
    is_in_doubt: bool = False

    def is_good(self, now: float) -> bool:
        """Whether the access token can be used."""
        is_expired = self.expires_at is not None and self.expires_at - LEEWAY <= now
        return bool(self.access_token) and not is_expired


class KeptTokens(Protocol):
    """The row in which the pair of one connection is kept, while nobody else may change it."""

    def read(self) -> Pair: ...
    def intend(self, refresh_token: str) -> None: ...
    def store(self, pair: Pair) -> None: ...


class Tokens(Protocol):
    """Where the pair of one connection is kept."""

    def read(self) -> Pair: ...
    def turn(self) -> AbstractContextManager[KeptTokens]: ...


class RotatingLogin(Login):
    """A login by refresh token. Only one process refreshes at once; the others use its result.

    A process that is killed after the vendor answered and before the pair is stored has lost both
    tokens, since the vendor ended the former ones. The intent to refresh is stored before, so the
    next attempt tries the former refresh token, which is good if the vendor never got the request.
    If the vendor refuses it and the client has a secret, the client credentials replace the pair.
    """

    leeway = LEEWAY

    def __init__(self, url: str, tokens: Tokens, **options: Any) -> None:
        self._tokens = tokens
        super().__init__(url, grant="refresh_token", **options)

    def _current(self) -> Token | None:
        if self._token is None:
            self._token = _token(self._tokens.read())
        return self._token

    def _renew(
        self, used: Token | None, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, bool]:
        with self._lock, self._tokens.turn() as kept:
            pair = kept.read()
            is_used = used is not None and used["access_token"] == pair.access_token
            if not is_used and pair.is_good(time.time()):
                self._token = _token(pair)
                return False
            kept.intend(pair.refresh_token)
            told = yield from self._asked(pair, request)
            if told is None:
                return True
            faults.point("oauth.answered")
            seconds = told.get("expires_in")
            expires = time.time() + float(seconds) if seconds else None
            fresh = Pair(told["access_token"], str(told.get("refresh_token") or ""), expires)
            kept.store(fresh)
            faults.point("oauth.stored")
            self._token = _token(fresh)
            return False

    def _asked(
        self, pair: Pair, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, dict[str, Any] | None]:
        """The fields of a new token; None where the answer is the client's to judge."""
        if pair.refresh_token:
            more = {"refresh_token": pair.refresh_token}
            response = yield self._question(request, **more)
            response.read()
            try:
                return self._told(response)
            except NoTokenError as error:
                if error.code != "invalid_grant":
                    raise
        if not self._has_secret:
            raise self._lost(pair)
        log.warning("%s: the refresh token is refused; the client credentials are used", self._name)
        response = yield self._question(request, grant="client_credentials")
        response.read()
        return self._told(response)

    def _lost(self, pair: Pair) -> GiveUp:
        why = (
            "a refresh was interrupted before its answer was stored, and the vendor ended the "
            "former tokens"
            if pair.is_in_doubt
            else "the refresh token has expired or was revoked"
        )
        return GiveUp(
            f"{self._name}: no token, {why}. Authorise again and put the new refresh_token into "
            f'the extra of the connection "{self._name}".'
        )


def _token(pair: Pair) -> Token | None:
    if not pair.is_good(time.time()):
        return None
    expires = {"expires_at": int(pair.expires_at)} if pair.expires_at else {}
    return Token({"access_token": pair.access_token, **expires})
