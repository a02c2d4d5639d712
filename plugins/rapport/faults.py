"""Fault points: named places in the code at which a test can kill the process.

`RAPPORT_FAULT=<point>[:n]` kills it when it reaches the point for the n-th time. All points are
listed here, so that a test can check that each is reached.

>>> point("landing.copied")
"""

import os
import signal

POINTS = frozenset(
    {
        "activation.intended",
        "activation.answered",
        "activation.recorded",
        "landing.copied",
        "landing.before_commit",
        "landing.committed",
        "landing.reread",
        "oauth.answered",
        "oauth.stored",
        "privacy.erased",
        "privacy.person_stored",
        "privacy.destination_erased",
        "publish.table",
    }
)

_passages: dict[str, int] = {}


def point(name: str) -> None:
    """Kill this process with SIGKILL if the environment asks for it at this point."""
    asked = os.environ.get("RAPPORT_FAULT")
    if asked is None:
        return
    wanted, _, times = asked.partition(":")
    if wanted == name:
        _passages[name] = _passages.get(name, 0) + 1
        if _passages[name] == int(times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
