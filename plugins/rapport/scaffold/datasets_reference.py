"""The generated reference of datasets: entities, columns, words, formats of times and options.

>>> page().splitlines()[0]
'# Datasets'
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.inspection import yaml_text
from rapport.connectors.files.inspection.exports import exports
from rapport.connectors.files.inspection.proposal import Proposal
from rapport.connectors.files.row_keys import OBJECT_ID
from rapport.vendors import time_formats, words
from rapport.vendors.datasets import Column, Dialect, Mapped
from rapport.vendors.entities import FIELDS, WHOSE, Field

SOURCES = "plugins/rapport/vendors/{entities,words,datasets,time_formats}.py"
KINDS = {
    "id": "id: text; 17850.0 of a spreadsheet is 17850",
    "text": "text as it stands",
    "lower": "text in lower case",
    "email": "e-mail address; a cell may hold several",
    "emails": "e-mail addresses",
    "phone": "phone number, with its extension if it has one",
    "phones": "phone numbers",
    "country": "text in capital letters",
    "currency": "code of three letters",
    "number": "number, read by `decimal` and `thousands`",
    "integer": "whole number",
    "minutes": "number of minutes",
    "score": "number of an answer: `9`, `7,0`, `Extremely likely - 10`, `4/5`, `★★★★☆`",
    "time": "time, read by `format` and `timezone`",
    "date": "day, read by `format`; no time zone moves it; one that cannot be is left out",
    "word": "one of the words [below](#words)",
}


def page() -> str:
    """The whole page, without the line that says where it comes from."""
    parts = [
        "# Datasets",
        "A dataset of the sources `files` and `postgres` maps columns to those of an entity. "
        "`rapport files inspect` proposes a dataset for a file, `rapport files check` reads one "
        "and lands nothing.",
        *_entities(),
        *_kinds(),
        *_words(),
        *_times(),
        *_options(),
        *_exports(),
    ]
    return "\n\n".join(parts) + "\n"


def _entities() -> Iterator[str]:
    yield "## Entities"
    yield "Every entity has these columns, which say whose a row is:"
    yield _columns(WHOSE)
    for entity, fields in FIELDS.items():
        yield f"### {entity}"
        yield f"`{OBJECT_ID[entity]}` tells its objects apart."
        yield _columns(fields)


def _columns(fields: dict[str, Field]) -> str:
    rows = [f"| `{name}` | {field.kind} | {field.means} |" for name, field in fields.items()]
    return "\n".join(["| column | kind | meaning |", "|---|---|---|", *rows])


def _kinds() -> Iterator[str]:
    used = {field.kind for fields in (WHOSE, *FIELDS.values()) for field in fields.values()}
    rows = [f"| {kind} | {means} |" for kind, means in KINDS.items() if kind in used]
    yield "## Kinds of columns"
    yield "\n".join(["| kind | what is read |", "|---|---|", *rows])


def _words() -> Iterator[str]:
    yield "## Words"
    yield (
        "Words are compared without case, and with blanks, `-`, `_`, `.` and `/` as one. `values` "
        "of a column adds words of your own. An unknown word counts as the last row says, and is "
        "shown with its count in `marts.data_status`."
    )
    for (entity, column), meanings in words.WORDS.items():
        yield f"### {entity}: {column}"
        rows = [f"| `{meant}` | {_listed(text)} |" for meant, text in meanings.items()]
        if nothing := words.WITHOUT_MEANING.get((entity, column)):
            rows.append(f"| not counted | {_listed(nothing)} |")
        rows.append(f"| an unknown word | {_unknown(entity, column)} |")
        yield "\n".join(["| meaning | words |", "|---|---|", *rows])


def _listed(text: str) -> str:
    return ", ".join(word.replace("_", " ") for word in text.split())


def _unknown(entity: str, column: str) -> str:
    if (entity, column) in words.OPEN:
        return "stays as it is"
    found = words.UNKNOWN.get((entity, column))
    return f"counts as `{found}`" if found else "counts as nothing"


def _times() -> Iterator[str]:
    yield "## Formats of times"
    yield (
        "Without a format, a time is ISO 8601 and begins with the year: `2026-02-01`, "
        "`2026-02-01 09:59:00 -0800`, `20260201T095900Z`. `format` is one format or a list that is "
        "tried in turn. A time without a zone is in `timezone`, by default the company's. A date "
        "alone is that day in the company's zone."
    )
    rows = [f"| `{directive}` | {means} |" for directive, means in DIRECTIVES.items()]
    epochs = [f"| `{name}` | {_per_second(units)} since 1970 |" for name, units in _epochs()]
    serial = f"| `{time_formats.SERIAL}` | days since 1899-12-30, as spreadsheets count them |"
    yield "\n".join(["| part or format | meaning |", "|---|---|", *rows, *epochs, serial])


DIRECTIVES = {
    "%Y": "year with four digits", "%y": "year with two digits; 69 to 99 are of the last century",
    "%m": "month, with or without a leading zero", "%d": "day", "%H": "hour, 0 to 23",
    "%I": "hour, 1 to 12, together with `%p`", "%p": "AM or PM", "%M": "minute", "%S": "second",
    "%f": "fraction of a second", "%z": "`Z`, `UTC`, `GMT` or an offset such as `+01:00`",
    "%b": "name of a month, in ten languages", "%B": "the same", "%a": "name of a weekday",
    "%A": "the same",
}  # fmt: skip


def _epochs() -> list[tuple[str, int]]:
    return list(time_formats.EPOCHS.items())


def _per_second(units: int) -> str:
    return {1: "seconds", 1_000: "milliseconds", 1_000_000: "microseconds"}[units]


def _options() -> Iterator[str]:
    yield "## Options of a dataset"
    yield "Of datasets of files:"
    yield _said(Dataset)
    yield "Of every dataset:"
    yield _said(Mapped)
    yield "Of every dataset and of each of its columns:"
    yield _said(Dialect)
    yield _defaults(Dataset)
    yield "## Options of a column"
    yield _said(Column)
    yield _defaults(Column)


def _said(model: type[BaseModel]) -> str:
    """What the docstring says after its first sentence."""
    text = inspect.cleandoc(model.__doc__ or "")
    _, _, more = text.partition("\n\n")
    return re.sub(r"\s*\n\s*", " ", more)


def _defaults(model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_default(field.default, field.default_factory)} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| option | default |", "|---|---|", *rows])


def _default(value: Any, factory: Any) -> str:
    if factory is not None or value in (None, (), {}):
        return "none"
    if value is PydanticUndefined:
        return "must be given"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _exports() -> Iterator[str]:
    yield "## Exports of tools"
    yield (
        "`rapport files inspect` knows these by their headings. Columns that an export does not "
        "have are left out. GA4's export to BigQuery needs `format: ga4` and no columns."
    )
    rows = [
        f"| {one.title} | {one.entity} | {', '.join(f'`{heading}`' for heading in one.headings)} |"
        for one in exports()
    ]
    yield "\n".join(["| export | entity | headings |", "|---|---|---|", *rows])
    for one in exports():
        yield f"### {one.title}"
        block = yaml_text.yaml_of(
            one.name, {"path": f"in/{one.name}.csv"}, Proposal(one.entity, one.dataset())
        )
        yield f"```yaml\n{block}```"
        yield from (f"{doubt[0].upper()}{doubt[1:]}." for doubt in one.doubts)
