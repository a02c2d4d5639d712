"""The night: which one it is, how far it got, what it did.

>>> from rapport.night import join, stage
"""

from rapport.night.nights import Night, begin, clock, finish, join, latest, stage

__all__ = ["Night", "begin", "clock", "finish", "join", "latest", "stage"]
