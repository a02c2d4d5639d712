"""Walking a list in the order of change, where pages have numbers and records move between them.

No page number is trusted across a change: each query begins at the last time that was seen, and
only records that share it are paged by number.

>>> rows = [(1, b"a"), (2, b"b"), (2, b"c"), (3, b"d")]
>>> def ask(start, number):
...     found = [row for row in rows if row[0] >= start][(number - 1) * 2 : number * 2]
...     return [record for _, record in found], [time for time, _ in found]
>>> [page.records for page, _ in by_change(ask, 0, size=2, where="a list")]
[[b'a', b'b'], [b'c'], [b'd']]
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from rapport.errors import GiveUp
from rapport.vendors.source import Page

Time = TypeVar("Time", datetime, int)


def by_change(
    ask: Callable[[Time, int], tuple[Sequence[bytes], Sequence[Time]]],
    start: Time,
    size: int,
    where: str,
) -> Iterator[tuple[Page, Time]]:
    """The pages, each with the last time in it; `ask` gives records from a time on, and times."""
    number, seen = 1, set[bytes]()
    while True:
        records, times = ask(start, number)
        last = max(times, default=start)
        yield Page([record for record in records if record not in seen]), last
        seen = set(records)
        if len(records) < size:
            return
        if not times or last < start:
            raise GiveUp(f"{where} does not go on from where it was told to.")
        if list(times) != sorted(times):
            raise GiveUp(f"{where} is not in the order of change, so that rows could be missed.")
        start, number = (last, 1) if last > start else (start, number + 1)
