"""Exports of well-known tools, recognised by headings that stand together.

>>> recognised(["Name", "Email", "Financial Status", "Paid at", "Total"]).entity
'orders'
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


class Export(BaseModel):
    """An export: its headings, and how they are mapped. `exports.yml` explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    headings: tuple[str, ...]
    entity: str
    key: str | None = None
    rows: str | None = None
    columns: dict[str, Any]
    doubts: tuple[str, ...] = ()

    def mapped(self, names: Collection[str]) -> dict[str, dict[str, Any]]:
        """The columns in their long form, of those headings that the file has."""
        found: dict[str, dict[str, Any]] = {}
        for name, given in self.columns.items():
            long = dict(given) if isinstance(given, Mapping) else {"column": given}
            if "column" in long:
                several = long["column"] if isinstance(long["column"], list) else [long["column"]]
                there = next((column for column in several if column in names), None)
                if there is None:
                    continue
                long["column"] = there
            found[name] = long
        return found

    def dataset(self) -> dict[str, Any]:
        """How the export is declared, apart from its path."""
        columns = {name: _first(given) for name, given in self.columns.items()}
        order = {"key": self.key, "rows": self.rows}
        said = {name: value for name, value in order.items() if value is not None}
        return {"format": "csv", "entity": self.entity, **said, "columns": columns}


def _first(given: Any) -> Any:
    """The column with the first of its headings."""
    if isinstance(given, Mapping):
        return {**given, **({"column": _first(given["column"])} if "column" in given else {})}
    return given[0] if isinstance(given, list) else given


@cache
def exports() -> tuple[Export, ...]:
    """All of them, those with most headings first."""
    text = resources.files(__package__).joinpath("exports.yml").read_text("utf-8")
    given = yaml.safe_load(text).items()
    found = [Export.model_validate({"name": name, **one}) for name, one in given]
    return tuple(sorted(found, key=lambda export: -len(export.headings)))


def recognised(names: Collection[str]) -> Export | None:
    """The export with these headings; None where it is none of them."""
    return next((one for one in exports() if set(one.headings) <= set(names)), None)
