"""Predictions of what customers may do next, published only if they beat a simple baseline.

>>> predict(as_of=as_of)  # doctest: +SKIP
{'clv': {'currencies': 1, 'histories': 402}, 'churn': {'customers': 571, ...}, ...}
"""

from datetime import datetime
from typing import Any

__all__ = ["predict"]


def predict(*, as_of: datetime) -> dict[str, Any]:
    """Refit the models that are due, score every customer and build the marts; returns counts.

    `as_of` is the time (UTC) that the predictions are made for. A second call with the same
    `as_of`, data and code changes nothing. All scores change in one transaction. Raises
    `GateFailed` if a mart or one of its tests fails.
    """
    from rapport.predictions.step import run

    return run(as_of)
