"""How the cells of the mapped columns are written: signs, formats, zones, words and currencies.

>>> from rapport.connectors.files.inspection.columns import look_at
>>> proposal = Proposal("orders", {})
>>> add_signs(proposal, [look_at("a", ["1.234", "2,50"])])
>>> proposal.dataset
{'decimal': ','}
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rapport.connectors.files.inspection import translations
from rapport.connectors.files.inspection.columns import Column
from rapport.connectors.files.inspection.headings import plain_heading
from rapport.connectors.files.inspection.proposal import Proposal
from rapport.vendors import words
from rapport.vendors.entities import fields_of

_DAY = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")


def add_signs(proposal: Proposal, columns: Sequence[Column]) -> None:
    """`decimal` where numbers cannot be read without it; what one column shows holds for all."""
    shown = {column.decimal for column in columns if column.decimal is not None}
    if not any(column.needs_decimal for column in columns):
        return
    if len(shown) == 1:
        proposal.dataset["decimal"] = shown.pop()
    else:
        written = next(column for column in columns if column.needs_decimal)
        text = '1.234 may be 1234 or 1.234: say `decimal: ","` or `"."`'
        proposal.doubt("", f"{written.name}: {text}")


def add_writing(
    proposal: Proposal, name: str, mapped: dict[str, Any], column: Column, columns: Sequence[Column]
) -> None:
    kind = fields_of(proposal.entity)[name].kind
    if kind == "word" and "values" not in mapped:
        _add_words(proposal, name, mapped, column)
    if kind not in ("time", "date") or column.kind == "empty":
        return
    if column.times is None and "format" not in mapped:
        written = column.examples[0]
        proposal.doubt(name, f"no format found, it is written like {written}: say `format`")
    if column.times is not None:
        mapped.pop("format", None)
        formats = _decided(column, columns)
        if formats:
            mapped["format"] = formats[0] if len(formats) == 1 else list(formats)
        if column.times.is_ambiguous and formats == column.times.formats:
            # A birth date says something of a person, so it is not shown.
            written = column.examples[0] if kind == "date" else _unclear_day(column)
            proposal.doubt(
                name,
                f"{written} may be day or month first: say `format: "
                f'"{column.times.others[0]}"` if the other one is right',
            )
    if "timezone" not in mapped and plain_heading(column.name).endswith(("_utc", "_gmt")):
        mapped["timezone"] = "UTC"


def _unclear_day(column: Column) -> str:
    """The first day whose month may be its day; a day alone says nothing of a person."""
    days = (_DAY.match(text) for text in column.texts)
    return next((day[0] for day in days if day is not None), column.examples[0])


def _decided(column: Column, columns: Sequence[Column]) -> tuple[str, ...]:
    """The formats; where day and month could change places, as other columns of the file say."""
    times = column.times
    if times is None or not times.is_ambiguous:
        return times.formats if times else ()
    for other in columns:
        if other.times is not None and other.times.formats and not other.times.is_ambiguous:
            first = other.times.formats[0][:2]
            if first in ("%d", "%m") and times.formats[0][:2] != first:
                return times.others
            if first in ("%d", "%m"):
                break
    return times.formats


def _add_words(proposal: Proposal, name: str, mapped: dict[str, Any], column: Column) -> None:
    key = (proposal.entity, name)
    values: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    for word in column.texts:
        if words.meaning(*key, word) is not None or words.has_no_meaning(*key, word):
            continue
        if (found := translations.meant(*key, word)) is not None:
            values[word] = found
        elif key not in words.OPEN:
            unknown[word] += 1
    if values:
        mapped["values"] = values
    if not unknown:
        return
    shown = [word for word in unknown if column.words and word in column.words]
    which = ", ".join(shown) if shown else f"{len(unknown)} of the words"
    meanings = ", ".join(words.WORDS[key])
    proposal.doubt(name, f"unknown: {which}. Say by `values` which of them means {meanings}")


def add_currency(
    proposal: Proposal, mapped: dict[str, dict[str, Any]], by_name: dict[str, Column]
) -> None:
    if "currency" in mapped or "currency" not in fields_of(proposal.entity):
        return
    for column in mapped.values():
        found = by_name[column["column"]].currency if "column" in column else None
        if found is not None:
            mapped["currency"] = {"value": found}
            if found == "USD":
                proposal.doubt("currency", "$ stands for other dollars too")
            return
