"""What the faults share: which of the places are tried in this run."""

import os
import random
from typing import Any

import pytest

SEED = int(os.environ["RAPPORT_SEED"])


def sample(every: int, quick: int, topic: str) -> list[Any]:
    """All numbers with `make faults`, else some, drawn by the run's seed, which their ids show."""
    numbers = list(range(every))
    if os.environ.get("RAPPORT_FAULTS") == "all":
        return numbers
    drawn = random.Random(f"{SEED} {topic}").sample(numbers, quick)
    return [pytest.param(number, id=f"{number}-seed-{SEED}") for number in sorted(drawn)]
