"""The table at the end of `make faults`: where something was killed, and what differed afterwards.

A test notes each place by `record_property(*kill("load", "byte 4711"))`, and whom it saw written
to by `record_property("written to", 120)`.

>>> kill("load", "byte 4711")
('killed', 'load: byte 4711')
"""

from collections.abc import Iterable, Iterator
from typing import Any

WRITTEN = "written to"
WITHOUT = "written to without consent"


def kill(what: str, place: str) -> tuple[str, str]:
    """The property of a test that killed something at a place of its own."""
    return "killed", f"{what}: {place}"


def table(reports: Iterable[Any]) -> Iterator[str]:
    """The lines; none where nothing was killed and nobody written to."""
    places: dict[str, set[str]] = {}
    differences: dict[str, int] = {}
    people = {WRITTEN: 0, WITHOUT: 0}
    for report in reports:
        if report.when != "call":
            continue
        for name, value in report.user_properties:
            if name == "killed":
                what, _, place = value.partition(": ")
                if place not in places.setdefault(what, set()):
                    places[what].add(place)
                    differences[what] = differences.get(what, 0) + bool(report.failed)
            elif name in people:
                people[name] += value
    if not places:
        return
    yield f"{'killed':<28} {'places':>7} {'differences':>12}"
    for what in sorted(places):
        yield f"{what:<28} {len(places[what]):>7} {differences[what]:>12}"
    yield f"{'all':<28} {sum(map(len, places.values())):>7} {sum(differences.values()):>12}"
    yield f"people written to: {people[WRITTEN]}, of them without consent: {people[WITHOUT]}"
