"""The HTTP client for every vendor: it obeys rate limits, retries temporary errors, else stops.

>>> client = Client("https://api.example.com", name="example")
>>> client.json("GET", "/v1/people", params={"limit": 100})  # doctest: +SKIP
"""

import email.utils
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

import httpx
import msgspec
import tenacity

from rapport.errors import GiveUp, RetryLater
from rapport.vendors.pace import Pace
from rapport.vendors.retry_after import Hold, StillBusy

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
SHORTEST_WAIT = 1.0
HEALING = frozenset({408, 425, 429, 499, 500, 502, 503, 504})
BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: status, headers, and the decompressed body in bytes."""

    status: int
    headers: httpx.Headers
    content: bytes

    def json(self, type: Any = Any) -> Any:
        """The body as JSON, decoded into `type`; raises `msgspec.DecodeError`."""
        return msgspec.json.decode(self.content, type=type)


class _TryAgainError(Exception):
    def __init__(self, reason: str, *, is_held: bool = False) -> None:
        super().__init__(reason)
        self.is_held = is_held


def _seconds_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that an answer asks for: `Retry-After` in both forms, or a reset in either form."""
    asked = headers.get("retry-after") or headers.get("retryafter")
    if asked is not None:
        if asked.strip().replace(".", "", 1).isdigit():
            return float(asked)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - now)
        except ValueError:
            return None
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset")
    if reset is not None and reset.strip().isdigit():
        value = float(reset)
        return max(0.0, value - now) if value > 1_000_000_000 else value
    return None


def is_local(url: str) -> bool:
    """Whether the address is this machine. The environment's proxy could not reach it.

    >>> is_local("http://127.0.0.1:8080/x"), is_local("https://api.example.com")
    (True, False)
    """
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


class Client:
    """Requests to one vendor.

    `name` is the name of the connection, for messages. `is_throttled` recognises a rate limit that
    the vendor does not send as 429. If the vendor is busy (429, 503, or an answer that names a
    wait), every thread of this client waits. The wait is `busy_wait` seconds if the answer names
    none (default: longer each time). If the wait is longer than `longest_wait` seconds, the client
    raises `RetryLater`. An answer larger than `max_bytes` after decompression, or slower in total
    than `deadline` seconds, is refused. Redirects are not followed. A `pace` keeps all threads
    below the vendor's limit. A client with its own `transport` ignores the environment's proxy.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        auth: httpx.Auth | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_throttled: Callable[[Answer], bool] = lambda answer: False,
        attempts: int = 6,
        longest_wait: float = 120.0,
        busy_wait: float | None = None,
        deadline: float = 300.0,
        max_bytes: int = 512 * 1024 * 1024,
        transport: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._http = httpx.Client(
            base_url=base_url,
            auth=auth,
            headers=dict(headers or {}),
            timeout=httpx.Timeout(60.0, connect=10.0),
            limits=httpx.Limits(max_connections=16),
            transport=transport,
            trust_env=transport is None and not is_local(base_url),
        )
        self._is_throttled = is_throttled
        self._attempts = attempts
        self._longest_wait = longest_wait
        self._busy_wait = busy_wait
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._pace = pace
        self._sleep = sleep
        self._now = now
        self._hold = Hold(rounds=attempts, longest=longest_wait, now=now, sleep=self.wait)
        self._backoff = tenacity.wait_exponential_jitter(initial=1, max=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        ok: tuple[int, ...] = (),
        check: Callable[[Answer], None] | None = None,
        into: BinaryIO | None = None,
    ) -> Answer:
        """One answer with a 2xx status, or one that `ok` lists.

        A body that is too large for memory is written `into` a file, which is emptied first;
        `content` stays empty. `check` may raise `msgspec.DecodeError` or `ValueError` for an
        unexpected body, and the call is then tried again. Raises `RetryLater` after the last
        attempt, and `GiveUp` for a refusal that a retry cannot fix.
        """

        def attempt() -> Answer:
            return self._attempt(
                method,
                path,
                ok,
                check,
                into,
                params=params,
                json=json,
                data=data,
                content=content,
                headers=headers,
            )

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            is_held = isinstance(error, _TryAgainError) and error.is_held
            return 0.0 if is_held else self._backoff(state)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=wait,
            sleep=lambda seconds: self._sleep(seconds) if seconds else None,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _TryAgainError as error:
            raise RetryLater(
                f"{self.name}: {error} on {method} {path}, {self._attempts} attempts. "
                "Run again later; nothing of this page was kept."
            ) from None
        except StillBusy as error:
            raise self._given_up(error, method, path) from None

    def json(self, method: str, path: str, *, type: Any = Any, **options: Any) -> Any:
        """The decoded JSON body. If the body is not JSON of that type, the call is tried again."""
        decoded: list[Any] = []

        def check(answer: Answer) -> None:
            decoded[:] = [answer.json(type)]

        self.request(method, path, check=check, **options)
        return decoded[0]

    def wait(self, seconds: float) -> None:
        """Wait before the next request for the status of a job."""
        self._sleep(seconds)

    def _attempt(
        self,
        method: str,
        path: str,
        ok: tuple[int, ...],
        check: Callable[[Answer], None] | None,
        into: BinaryIO | None,
        **options: Any,
    ) -> Answer:
        turn = self._hold.enter()
        try:
            if self._pace is not None:
                self._pace.wait()
            try:
                answer = self._send(method, path, into, **options)
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise _TryAgainError(type(error).__name__) from None
            self._judge(answer, turn, method, path, ok)
        finally:
            self._hold.leave(turn)
        if check is not None:
            try:
                check(answer)
            except (msgspec.DecodeError, ValueError, RecursionError):
                kind = answer.headers.get("content-type", "no content type")
                reason = f"{answer.status} with a body that cannot be read ({kind})"
                raise _TryAgainError(reason) from None
        return answer

    def _judge(
        self, answer: Answer, turn: int, method: str, path: str, ok: tuple[int, ...]
    ) -> None:
        """Raise the error that an answer means; if the vendor is busy, make all threads wait."""
        is_taken = 200 <= answer.status < 300 or answer.status in ok
        is_throttled = self._is_throttled(answer)
        if is_throttled or (answer.status in HEALING and not is_taken):
            asked = _seconds_to_wait(answer.headers, self._now())
            is_held = is_throttled or asked is not None or answer.status in BUSY
            if is_held:
                # A vendor that rounds down sends 0 during the last second of the wait.
                wait = self._busy_wait if asked is None else max(asked, SHORTEST_WAIT)
                self._hold.refused(turn, answer.status, wait)
            log.info("%s: %s on %s %s, waiting", self.name, answer.status, method, path)
            raise _TryAgainError(str(answer.status), is_held=is_held)
        self._hold.answered(turn)
        if not is_taken:
            raise GiveUp(self._refusal(answer.status, method, path))

    def _given_up(self, busy: StillBusy, method: str, path: str) -> RetryLater:
        seconds = busy.seconds
        is_long = seconds is not None and seconds > self._longest_wait
        why = f"asks to wait {seconds:.0f} s" if is_long else f"{self._attempts} attempts"
        return RetryLater(
            f"{self.name}: {busy.status} on {method} {path}, {why}. Run again later; nothing of "
            "this call was kept.",
            retry_after=seconds,
        )

    def _send(self, method: str, path: str, into: BinaryIO | None, **options: Any) -> Answer:
        started = time.monotonic()
        if into is not None:
            into.seek(0)
            into.truncate()
        with self._http.stream(method, path, **options) as response:
            body, size = bytearray(), 0
            for chunk in response.iter_bytes(CHUNK):
                size += len(chunk)
                if into is None:
                    body += chunk
                else:
                    into.write(chunk)
                if size > self._max_bytes:
                    raise GiveUp(
                        f"{self.name}: the answer to {method} {path} is larger than "
                        f"{self._max_bytes} bytes. Ask for smaller pages."
                    )
                if time.monotonic() - started > self._deadline:
                    raise httpx.ReadTimeout("the whole answer took too long")
            return Answer(response.status_code, response.headers, bytes(body))

    def _refusal(self, status: int, method: str, path: str) -> str:
        advice = {
            401: f'Check the connection "{self.name}": the login or token is refused.',
            403: f'Check what the token of connection "{self.name}" may do.',
            404: f'Check the host of connection "{self.name}" and the options of the source.',
        }.get(status, "The request is refused as it is; see the vendor's documentation.")
        return f"{self.name}: {status} on {method} {path}. {advice}"
