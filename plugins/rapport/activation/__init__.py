"""Activation: each destination has the members of its segments, and anyone can ask why.

- `segments/`: what a segment declares, who its members are, and how they are assigned
- `planning/`: what has to change on each list, and what holds a change back
- `sync/`: what destinations report, and what is sent to them
- `answers/`: why somebody is on a list or not, and how each list is

>>> push("20260331T030000Z-01", as_of, "postbox")  # doctest: +SKIP
{"payment_failed": {"members": 12, "added": 2, "removed": 1, "updated": 0, "sent": 11, ...}}
"""

from rapport.activation.steps import evaluate, is_idle, judge, plan, pull, push, tell

__all__ = ["evaluate", "is_idle", "judge", "plan", "pull", "push", "tell"]
