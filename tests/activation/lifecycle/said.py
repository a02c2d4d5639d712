"""Which lists the product speaks of, as (destination, segment); `*` stands for every one.

A list that cannot be brought to what it should be is fine only where somebody is told of it.

>>> found = set()
>>> pulled(found, {"intercom": {"problem": "503"}})
>>> found
{('intercom', '*')}
"""

from collections.abc import Iterable, Mapping
from typing import Any

Said = set[tuple[str, str]]


def pulled(found: Said, counts: Mapping[str, Mapping[str, Any]]) -> None:
    """Tools that did not answer."""
    found |= {(name, "*") for name, count in counts.items() if "problem" in count}


def evaluated(found: Said, counts: Mapping[str, Mapping[str, Any]]) -> None:
    """Segments that stay as they were, and files that cannot be read."""
    frozen = {key for key, count in counts.items() if count["frozen_because"]}
    found |= {("*", key.removeprefix("seg_")) for key in frozen}


def planned(found: Said, plans: Iterable[Mapping[str, Any]]) -> None:
    """Lists that wait, are frozen or refused, or that no destination is left for."""
    found |= {(plan["destination"], plan["segment"]) for plan in plans if plan["state"] != "open"}


def failed(found: Said, destination: str) -> None:
    """A push that was raised."""
    found.add((destination, "*"))


def speaks_of(found: Said, destination: str, segment: str) -> bool:
    """Whether the list is among them."""
    return any((tool, key) in found for tool in (destination, "*") for key in (segment, "*"))
