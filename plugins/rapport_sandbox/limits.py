"""The rate limits of the doubles. They are enforced only if a test asks for it.

>>> limit = Limit(requests=1, seconds=10, now=lambda: 0.0)
>>> limit.take(), limit.take()
(0.0, 10.0)
"""

import fnmatch
import time
from collections import deque
from collections.abc import Callable
from typing import Any


class Limit:
    """At most `requests` requests in any window of `seconds` seconds."""

    def __init__(self, requests: int, seconds: float, now: Callable[[], float]) -> None:
        self.requests = requests
        self.seconds = seconds
        self._now = now
        self._taken: deque[float] = deque()

    def take(self) -> float:
        """0 if the call is allowed, else the seconds until the next call is allowed."""
        now = self._now()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) >= self.requests:
            return self._taken[0] + self.seconds - now
        self._taken.append(now)
        return 0.0

    @property
    def remaining(self) -> int:
        return max(0, self.requests - len(self._taken))


class Limits:
    """The enforced limits by vendor and route, on a clock that a test can move forward."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.largest_page = 0
        self.options: dict[str, dict[str, Any]] = {}
        self._limits: dict[str, list[tuple[str, Limit]]] = {}

    def now(self) -> float:
        return time.monotonic() + self.skipped

    def enforce(self, vendor: str, rules: list[tuple[str, int, float]]) -> None:
        """Enforce rules of the form (glob over the path, requests, seconds)."""
        self._limits[vendor] = [(glob, Limit(count, span, self.now)) for glob, count, span in rules]

    def clear(self) -> None:
        self._limits.clear()
        self.options.clear()
        self.largest_page = 0

    def take(self, vendor: str, path: str) -> float:
        """The seconds to wait; 0 if the call is allowed."""
        for glob, limit in self._limits.get(vendor, ()):
            if fnmatch.fnmatchcase(path, glob):
                wait = limit.take()
                if wait > 0:
                    return wait
        return 0.0

    def remaining(self, vendor: str, default: int) -> int:
        limits = self._limits.get(vendor)
        return limits[0][1].remaining if limits else default

    def option(self, vendor: str, name: str, default: int) -> int:
        """A size that tests can reduce, such as the limit of search results."""
        return int(self.options.get(vendor, {}).get(name, default))

    def page_size(self, default: int) -> int:
        """The size of a page where the vendor decides it, which a test makes smaller for all."""
        return min(default, self.largest_page) if self.largest_page else default
