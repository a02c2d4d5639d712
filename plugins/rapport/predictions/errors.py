"""What a model raises instead of guessing.

>>> raise TooFew("29 churners, 30 are needed")  # doctest: +SKIP
"""

from rapport.errors import RapportError


class NoFit(RapportError):
    """The parameters could not be estimated: the last good ones stay, marked as stale."""


class TooFew(RapportError):
    """There are fewer events than the model needs: it says nothing."""
