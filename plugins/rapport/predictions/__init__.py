"""Predictions: what customers may do next, told only where a hold-out shows that it is worth it.

>>> predict(as_of=as_of)  # doctest: +SKIP
{'clv': {'currencies': 1, 'histories': 402}, 'churn': {'customers': 571, ...}, ...}
"""

from datetime import datetime
from typing import Any

__all__ = ["predict"]


def predict(*, as_of: datetime) -> dict[str, Any]:
    """Refit what is due, score everybody, and build the prediction marts; returns counts.

    `as_of` is the time (UTC) that everything is told for. The same night with the same data and
    code is left as it is. The scores change in one transaction. Raises `GateFailed` where a
    mart or a test of it fails.
    """
    from rapport.predictions.step import run

    return run(as_of)
