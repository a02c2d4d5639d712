"""When a vendor is busy, all threads of a client wait until the time that the vendor names.

During the wait no thread calls. Afterwards one call goes out alone, and the others follow once it
is answered. If the vendor refuses too many rounds, all threads give up together. So the vendor gets
one call per round, not one from each thread.

>>> hold = Hold(rounds=6, longest=120.0, now=lambda: 0.0, sleep=print)
>>> turn = hold.enter()
>>> hold.refused(turn, 429, 30.0)
>>> hold.enter()
30.0
1
"""

import threading
from collections.abc import Callable

LONGEST_BACKOFF = 60.0


class StillBusy(Exception):
    """The vendor is still busy; `seconds` is the wait that it asked for, None if it named none."""

    def __init__(self, status: int, seconds: float | None) -> None:
        super().__init__(status)
        self.status = status
        self.seconds = seconds


class Hold:
    """A client's record of a busy vendor: the number of refused rounds, and the end of the wait.

    A round ends with a refusal. After `rounds` refusals in a row, or for a wait of more than
    `longest` seconds, every thread raises `StillBusy`. A later call starts a round of its own.
    """

    def __init__(
        self,
        *,
        rounds: int,
        longest: float,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._rounds = rounds
        self._longest = longest
        self._now = now
        self._sleep = sleep
        self._changed = threading.Condition()
        self._refused = 0
        self._seconds = 0.0
        self._until = 0.0
        self._last = StillBusy(0, None)
        self._scout: int | None = None

    def enter(self) -> int:
        """Wait until the vendor may be called. Returns the round, for `refused` and `leave`."""
        entered: int | None = None
        slept: float | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._scout is None)
                here = self._refused
                entered = here if entered is None else entered
                left = min(self._until - self._now(), self._seconds)
                if here == 0:
                    return here
                if left > self._longest or (here >= self._rounds and here > entered):
                    raise StillBusy(self._last.status, self._last.seconds)
                if left <= 0 or slept == self._until:
                    self._scout = here
                    return here
                slept = self._until
            self._sleep(left)

    def refused(self, turn: int, status: int, asked: float | None) -> None:
        """Make all threads wait for `asked` seconds; if it is None, twice as long in each round.

        Raises `StillBusy` after the last round. Refusals of simultaneous calls count as one round.
        """
        with self._changed:
            if turn == self._refused:
                self._refused += 1
                self._seconds = self._until = 0.0
            wait = min(2.0 ** (self._refused - 1), LONGEST_BACKOFF) if asked is None else asked
            self._seconds = max(self._seconds, wait)
            self._until = max(self._until, self._now() + wait)
            self._last = StillBusy(status, asked)
            if wait > self._longest or self._refused >= self._rounds:
                raise self._last

    def answered(self, turn: int) -> None:
        """The vendor accepted a call of this round, so it is no longer busy."""
        with self._changed:
            if turn == self._refused:
                self._refused = 0

    def leave(self, turn: int) -> None:
        """The call after `enter` has ended, with or without success; the next one may start."""
        with self._changed:
            if self._scout == turn:
                self._scout = None
                self._changed.notify_all()
