"""A rate limit for calls to a vendor: evenly spread, and shared by all threads of a client.

Evenly spread calls fit into every window of the vendor's limit, sliding or fixed. If the vendor
refuses a call nevertheless, `rapport.vendors.retry_after` makes the other calls wait.

>>> pace = Pace(100, 10.0, now=lambda: 0.0, sleep=lambda seconds: None)
>>> pace.wait(), round(pace.wait(), 3)
(0.0, 0.102)
"""

import threading
import time
from collections.abc import Callable

MARGIN = 0.98
SLOWEST = 10.0


class Pace:
    """`requests` calls in `seconds` seconds, minus a margin: clocks differ, and calls overtake."""

    def __init__(
        self,
        requests: float,
        seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = seconds / (requests * MARGIN)
        self._now = now
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Wait for this call's turn; returns the seconds waited."""
        with self._lock:
            now = self._now()
            turn = max(self._next, now)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
        return turn - now

    def slow(self) -> None:
        """Call half as often from now on, down to once in ten seconds."""
        with self._lock:
            self._interval = max(self._interval, min(2 * self._interval, SLOWEST))
