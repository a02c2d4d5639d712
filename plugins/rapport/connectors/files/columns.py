"""Which of the columns that rapport.yml names a file has, in every format.

A name with dots leads into nested records, unless a column has it as it stands.

>>> value_at({"customer": {"email": "x"}}, "customer.email")
'x'
>>> missing(["id", "customer.email"], ["id", "customer.email", "sum"])
['sum']
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row

ABSENT: Final = object()
# A column of records line by line is missing where none of the first rows has it.
LOOKED_AT, LOOKED_AT_BYTES = 1000, 32 * 1024 * 1024


def value_at(values: Mapping[str, Any], name: str) -> Any:
    """The value of a column, `ABSENT` where the record has none.

    It finds what `rapport.vendors.reading.cells.at` reads.
    """
    if name in values:
        return values[name]
    if "." not in name:
        return ABSENT
    found: Any = values
    for step in name.split("."):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            return ABSENT
    return found


def missing(names: Collection[str], needed: Iterable[str]) -> list[str]:
    """The needed columns that are not among these names."""
    return [name for name in dict.fromkeys(needed) if name not in names]


def refuse_missing(names: Collection[str], needed: Iterable[str], where: str = "it") -> None:
    """Raise `FileError` where a needed column is not there; say the names that come close."""
    if not (absent := missing(names, needed)):
        return
    said = ", ".join(absent[:5])
    noun = "column" if len(absent) == 1 else "columns"
    near = [close for name in absent[:5] for close in _near(names, name)]
    there = f"; there is {_quoted(near)}" if near else ""
    count = f"{len(names)} column{'' if len(names) == 1 else 's'}"
    raise FileError(f"has no {noun} {said}, which rapport.yml needs; {where} has {count}{there}")


def with_columns(rows: Iterator[Row], needed: Sequence[str]) -> Iterator[Row]:
    """The rows of records that need not have the same columns.

    Raises `FileError` where none of the first thousand has a needed column.
    """
    held: list[Row] = []
    names: dict[str, None] = {}
    absent = set(needed)
    size = good = 0
    for row in rows:
        held.append(row)
        if row.problem is None:
            good += 1
            absent = {name for name in absent if value_at(row.values, name) is ABSENT}
            if absent:
                names |= dict.fromkeys(paths(row.values))
        size += len(row.original)
        if not absent or good >= LOOKED_AT or size >= LOOKED_AT_BYTES:
            break
    if absent and good:
        _refuse_wrapped(held, absent)
        where = "it" if good < LOOKED_AT else f"the part up to row {held[-1].number}"
        found = [name for name in needed if name not in absent]
        refuse_missing([*names, *(name for name in found if name not in names)], needed, where)
    yield from held
    held.clear()
    yield from rows


def _refuse_wrapped(rows: Sequence[Row], needed: Collection[str]) -> None:
    """A file with one record that holds the rows in a list."""
    if len(rows) != 1:
        return
    for name in paths(rows[0].values):
        inner = value_at(rows[0].values, name)
        first = inner[0] if isinstance(inner, list) and inner else None
        if isinstance(first, Mapping) and not missing(list(paths(first)), needed):
            raise FileError(
                f"has its rows in the list `{name}`. Write one object a line, for example with "
                f"`jq -c .{name}[]`"
            )


def paths(values: Mapping[str, Any], deep: int = 4) -> Iterator[str]:
    """The names of a record, with those of records in it."""
    for name, value in values.items():
        yield name
        if isinstance(value, Mapping) and deep:
            yield from (f"{name}.{inner}" for inner in paths(value, deep - 1))


def _near(names: Collection[str], name: str) -> list[str]:
    """Up to two names that are written a little differently. Data in place of names is not shown.

    >>> _near(["E-Mail ", "id"], "email")
    ['E-Mail ']
    """
    plain = {_plain(one): one for one in names if "@" not in one and len(one) <= 60}
    last = {_plain(one.rpartition(".")[2]): one for one in plain.values() if "." in one}
    matches = get_close_matches(_plain(name), plain, n=2, cutoff=0.75)
    found = [plain[match] for match in matches]
    if not found and _plain(name) in last:
        found = [last[_plain(name)]]
    return [one for one in found if one != name]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold()) or name


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names))
