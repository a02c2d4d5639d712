"""A vendor that is busy is left alone by every thread of a client, until the time that it names.

While it lasts nobody calls. Then one call goes out alone, and the others follow once it is
answered. A vendor that refuses round after round is given up by all threads together, so that it
hears one call a round and not one from each thread.

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
    """The vendor is given up for now; `seconds` is the wait that it asked for, where it did."""

    def __init__(self, status: int, seconds: float | None) -> None:
        super().__init__(status)
        self.status = status
        self.seconds = seconds


class Hold:
    """What a client knows of its vendor: how many rounds it refused, and until when to wait.

    A round ends with a refusal. `rounds` of them in a row, or a wait of more than `longest`
    seconds, raise `StillBusy` in every thread. A call that comes after that is a round of its own.
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
        """Wait until the vendor may be called; answers the round, for `refused` and `leave`."""
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
        """Hold everybody for `asked` seconds, or a little longer each time; may be the last round.

        Raises `StillBusy` where it is. Calls that were under way together are one round.
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
        """The vendor took a call of this round: it is not busy any more."""
        with self._changed:
            if turn == self._refused:
                self._refused = 0

    def leave(self, turn: int) -> None:
        """The call of `enter` has ended, however it did; the next one may go."""
        with self._changed:
            if self._scout == turn:
                self._scout = None
                self._changed.notify_all()
