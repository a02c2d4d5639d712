"""Planned faults of the doubles, by route, by count or by share of the calls.

>>> plan = Plan()
>>> plan.add({"vendor": "postbox", "kind": "500", "after": 1})
>>> [plan.next("postbox", "/api/v2/users", "/api/v2/users") for _ in range(3)]
[None, {...'kind': '500'...}, None]
"""

# ruff: noqa: S311 - the dice must be repeatable, nothing here is secret

import fnmatch
import random
from typing import Any

STATUS_KINDS = {
    "429": 429, "429_no_retry_after": 429, "500": 500, "502": 502, "503": 503,
    "expired_token": 401, "403": 403, "404": 404,
}  # fmt: skip
KINDS = frozenset(STATUS_KINDS) | {
    "html",  # status 200 with an HTML page
    "cut_body",  # the connection breaks in the middle of the response
    "cut_json",  # a complete response whose JSON ends half-way
    "500_after",  # the request is processed, but the response is a 500
    "slow",  # waits `seconds` (default 1) before the response
    "repeat_token",  # the token of the next page is that of this page
    "shift_page",  # a new first row moves the page by one row
    "empty",  # no rows
    "far_future_cursor",  # the first row has a change time in 2099
}


class Plan:
    """The planned faults in their order. The first that matches a call applies.

    Keys of a fault: vendor, kind. Optional: route (a glob over the path or its template), after
    (calls that succeed first), times (how often; default 1, unlimited with `share`), share (0 to 1)
    with seed, retry_after (seconds), retry_after_style ("seconds" or "date"), seconds (for slow).
    """

    def __init__(self) -> None:
        self._faults: list[dict[str, Any]] = []
        self._dice: list[random.Random] = []

    def add(self, fault: dict[str, Any]) -> None:
        """Add a fault; raises ValueError for an unknown kind."""
        if fault.get("kind") not in KINDS or not fault.get("vendor"):
            raise ValueError(
                f"a fault needs a vendor and one of the kinds {', '.join(sorted(KINDS))}"
            )
        left = fault.get("times") or (None if "share" in fault else 1)
        self._faults.append({"seen": 0, "hits": 0, **fault, "left": left})
        self._dice.append(random.Random(fault.get("seed", 0)))

    def clear(self) -> None:
        self._faults.clear()
        self._dice.clear()

    def list(self) -> list[dict[str, Any]]:
        return [dict(fault) for fault in self._faults]

    def next(self, vendor: str, path: str, template: str) -> dict[str, Any] | None:
        """The fault that applies to this call; None if the call succeeds."""
        for fault, dice in zip(self._faults, self._dice, strict=True):
            route = fault.get("route") or "*"
            if fault["vendor"] not in (vendor, "*") or not (
                fnmatch.fnmatchcase(path, route) or template == route
            ):
                continue
            fault["seen"] += 1
            if fault["seen"] <= int(fault.get("after", 0)) or fault["left"] == 0:
                continue
            if "share" in fault and dice.random() >= float(fault["share"]):
                continue
            if fault["left"] is not None:
                fault["left"] -= 1
            fault["hits"] += 1
            return fault
        return None
