"""The night: which one it is, how far it got, what it did.

>>> from rapport.runs import join, stage
"""

from rapport.runs.run import Night, begin, clock, finish, join, latest, stage

__all__ = ["Night", "begin", "clock", "finish", "join", "latest", "stage"]
