"""A segment's YAML as values, whose dates are words until the key that wants a date is known.

>>> parse(Path("dbt_project/models/segments/seg_open_ticket.yml"))  # doctest: +SKIP
(<Document>, {'version': 2, 'models': [...]})
"""

from pathlib import Path
from typing import Any

import yaml

from rapport.settings import Document, Loader

TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Words(Loader):  # type: ignore[misc]
    """YAML itself raises for a date that is none, and names no line."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != TIMESTAMP]
    for first, forms in Loader.yaml_implicit_resolvers.items()
}


def parse(path: Path) -> tuple[Document, Any]:
    """The file and its content; raises `ValueError` with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: not UTF-8. Save the file as plain text.") from None
    try:
        document = Document(path, yaml.compose(text, Loader=_Words))
        document.refuse_expansion()
        return document, yaml.load(text, Loader=_Words)  # noqa: S506 - a safe loader, in C
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"{path}:{mark.line + 1 if mark else 1}: not YAML.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}:1: a value is not what its tag says ({error}).") from None
