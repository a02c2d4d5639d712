"""As fast as a vendor allows, and no faster."""

from rapport.vendors.pace import Pace
from rapport_sandbox.limits import Limit


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_calls_use_nine_tenths_of_a_sliding_limit_and_are_not_refused() -> None:
    clock = Clock()
    limit = Limit(requests=100, seconds=10.0, now=clock.now)
    pace = Pace(100, 10.0, now=clock.now, sleep=clock.sleep)
    refused = 0
    for _ in range(2000):
        pace.wait()
        refused += limit.take() > 0
    assert 2000 / clock.seconds >= 0.9 * 100 / 10
    assert refused <= 0.01 * 2000
