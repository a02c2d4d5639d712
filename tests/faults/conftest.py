"""What the faults share: a load and a publication to be killed, and the count of what was tried."""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

SEED = int(os.environ["RAPPORT_SEED"])
TRIED = pytest.StashKey[dict[str, int]]()


def sample(every: int, quick: int, topic: str) -> list[Any]:
    """All numbers with `make faults`, else some, drawn by the run's seed, which their ids show."""
    numbers = list(range(every))
    if os.environ.get("RAPPORT_FAULTS") == "all":
        return numbers
    drawn = random.Random(f"{SEED} {topic}").sample(numbers, quick)
    return [pytest.param(number, id=f"{number}-seed-{SEED}") for number in sorted(drawn)]


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Iterator[None]:
    """Counts a kill that was seen to leave no difference."""
    counts = request.config.stash.setdefault(TRIED, {})
    counts.setdefault("kills", 0)
    yield
    counts["kills"] += 1


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = config.stash.get(TRIED, {})
    if counts:
        terminalreporter.write_line(
            f"faults: {counts['kills']} kills at distinct places tried here, seed {SEED}"
        )
