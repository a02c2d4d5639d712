"""A nightly run: which one it is, how far it got, what it did.

>>> from rapport.runs import join, stage
"""

from rapport.runs.run import Run, begin, clock, finish, join, latest
from rapport.runs.stages import stage

__all__ = ["Run", "begin", "clock", "finish", "join", "latest", "stage"]
