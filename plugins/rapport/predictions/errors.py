"""The errors that a model raises when it cannot make a prediction.

>>> raise TooFew("29 customers left; at least 30 are needed")  # doctest: +SKIP
"""

from rapport.errors import RapportError


class NoFit(RapportError):
    """The parameters cannot be estimated. The last good ones stay in use, marked as stale."""


class TooFew(RapportError):
    """There are fewer events than the model needs. The model publishes no prediction."""
