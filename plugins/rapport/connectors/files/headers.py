"""The names of the columns of a table: of a CSV file or of a sheet.

Exports repeat names and leave some empty. That is refused only where rapport.yml needs the column:
a repeated name gets a number, an empty one its place.

>>> names_of(["id", "note", "note", ""], ("id",), 1)
['id', 'note', 'note_2', 'column_4']
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from rapport.connectors.files.columns import missing, refuse_missing
from rapport.connectors.files.places import FileError

DELIMITERS = {";": "semicolon", "\t": "tab", "|": "pipe", ",": "comma"}


def names_of(
    cells: Sequence[str], needed: Sequence[str], number: int, place: str = "line"
) -> list[str]:
    """The names in the header, which is a numbered line of a file or row of a sheet.

    Raises `FileError` where a needed column is not there, or is there twice.
    """
    given = [cell.strip("\ufeff").strip() for cell in cells]
    _refuse_one_cell(given, needed, number)
    times = Counter(given)
    for name in needed:
        if times[name] > 1:
            raise FileError(
                f"has no good header: {place} {number} names the column {name} {times[name]} "
                "times. Rename one in the file, or list the names under `header`, with `header_row`"
            )
    refuse_missing([name for name in given if name], needed, f"{place} {number}")
    taken = {name for name in given if name}
    names: dict[str, None] = {}
    counts: Counter[str] = Counter()
    for at, name in enumerate(given, 1):
        usual = chosen = name or f"column_{at}"
        while chosen in names or (chosen != name and chosen in taken):
            counts[usual] += 1
            chosen = f"{usual}_{counts[usual] + 1}"
        names[chosen] = None
    return list(names)


def refuse_later(
    rows: Iterable[tuple[int, Sequence[str]]], needed: Sequence[str], place: str = "line"
) -> None:
    """Raise `FileError` where one of these rows, which follow the header, has all the names."""
    for number, cells in rows:
        if needed and not missing([cell.strip() for cell in cells], needed):
            raise FileError(
                f"has its header in {place} {number}. Write `header_row: {number}`"
            ) from None


def fewest(cells: Sequence[str]) -> int:
    """So many cells a row must have: empty names at the end come from a delimiter at the end.

    >>> fewest(["id", "sum", ""])
    2
    """
    count = len(cells)
    while count > 1 and not cells[count - 1].strip():
        count -= 1
    return count


def _refuse_one_cell(given: Sequence[str], needed: Sequence[str], number: int) -> None:
    """A header in which another delimiter stands was not split."""
    if len(given) != 1 or given[0] in needed:
        return
    counts = {sign: given[0].count(sign) for sign in DELIMITERS}
    best = max(counts, key=lambda sign: counts[sign])
    if counts[best]:
        raise FileError(
            f"has one column at line {number}, with {counts[best]} times the sign {best!r} in it. "
            f"Write `delimiter: {DELIMITERS[best]}`, or the number of the header's line as "
            "`header_row`"
        )
