"""Looks at a file that nobody has declared yet, and proposes how to declare it.

>>> inspection = inspect("in/orders.csv")  # doctest: +SKIP
>>> print(inspection.yaml)  # doctest: +SKIP
orders:
  path: in/orders.csv
  format: csv
  entity: orders
  key: Bestellnummer
  columns:
    order_id: Bestellnummer
    ordered_at: {column: Bestelldatum, format: '%d.%m.%Y'}
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.inspection import yaml_text
from rapport.connectors.files.inspection.columns import Column, look_at
from rapport.connectors.files.inspection.headings import plain_heading
from rapport.connectors.files.inspection.proposal import Proposal
from rapport.connectors.files.inspection.propose import propose
from rapport.connectors.files.inspection.sample import Sample, sample_of
from rapport.connectors.files.places import File, FileError, find
from rapport.errors import ConfigError, GiveUp
from rapport.paths import project_root
from rapport.vendors.entities import FIELDS
from rapport.vendors.reading import cells
from rapport.vendors.reading.columns import Company
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.row import Reading

NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_OWN_COLUMNS = ("access_log", "ga4")


@dataclass(frozen=True)
class Inspection:
    """What was found. `readable` of the rows of the sample would land as proposed."""

    name: str
    files: int
    sample: Sample
    columns: tuple[Column, ...]
    proposal: Proposal
    yaml: str
    surveys: str
    readable: int
    refused: Mapping[str, int]

    def as_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": self.sample.file.name,
            "files": self.files,
            "format": self.sample.options["format"],
            "encoding": self.sample.encoding,
            "options": self.sample.options,
            "sheets": self.sample.sheets,
            "rows": len(self.sample.rows),
            "unreadable_rows": self.sample.problems,
            "columns": [column.described() for column in self.columns],
            "export": self.proposal.export,
            "entity": self.proposal.entity,
            "doubts": self.proposal.doubts,
            "readable": self.readable,
            "refused": dict(self.refused),
            "name": self.name,
            "yaml": self.yaml,
            "surveys": self.surveys,
        }


def inspect(
    path: str,
    *,
    name: str | None = None,
    entity: str | None = None,
    sheet: str | None = None,
    conn_id: str | None = None,
    timezone: str = "UTC",
) -> Inspection:
    """Look at the newest file, by name, at a path as in rapport.yml or seen from here.

    `timezone` is the company's. Raises `ConfigError` for an unknown entity or name, and `GiveUp`
    for a file that cannot be read.
    """
    if entity is not None and entity not in FIELDS:
        raise ConfigError(f"there is no entity {entity}. There are: {', '.join(FIELDS)}.")
    file, path, files = _file_at(path, conn_id)
    name = name or _name_of(file.name)
    if not NAME.fullmatch(name):
        raise ConfigError("--name: small letters, digits and _, the first a letter.")
    try:
        sample = sample_of(file, sheet)
    except (FileError, OSError) as error:
        reason = error if isinstance(error, FileError) else type(error).__name__
        raise GiveUp(f"files: {file.name} {reason}.") from None
    columns = tuple(_columns(sample))
    if sample.options["format"] in _OWN_COLUMNS:
        proposal = Proposal("web_events", {})
    else:
        proposal = propose(columns, entity=entity, file=file.name)
    options = {"path": path, **sample.options, **({"conn_id": conn_id} if conn_id else {})}
    readable, refused = _tried(sample, {**options, **proposal.dataset}, timezone)
    rows = f"of {len(sample.rows):,} rows of the sample are rejected"
    for doubt in (*sample.doubts, *(f"{n:,} {rows}: {why}" for why, n in refused.items())):
        proposal.doubt("", doubt)
    block = yaml_text.yaml_of(name, options, proposal)
    surveys = yaml_text.surveys_of(name, proposal)
    return Inspection(name, files, sample, columns, proposal, block, surveys, readable, refused)


def write(inspection: Inspection, config: Path) -> None:
    """Put the dataset into rapport.yml, whose comments and order stay as they are."""
    text = config.read_text(encoding="utf-8")
    changed = yaml_text.inserted(text, inspection.name, inspection.yaml)
    if inspection.surveys:
        changed = yaml_text.inserted(
            changed, inspection.name, inspection.surveys, yaml_text.SURVEYS
        )
    config.write_text(changed, encoding="utf-8")


def _file_at(path: str, conn_id: str | None) -> tuple[File, str, int]:
    """The newest file by name, the path to write into rapport.yml, and the number of files."""
    here = Path(path).expanduser()
    if "://" not in path and here.exists():
        full = here.resolve()
        root = project_root()
        path = full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)
        found = find(str(full), conn_id)
    else:
        found = find(path, conn_id)
    if not found:
        raise GiveUp(f"files: no file at {path}.")
    return found[-1], path, len(found)


def _name_of(file: str) -> str:
    """A name for a dataset: that of the file without its date and its ending.

    >>> _name_of("Orders Export 2026-03-31.csv.gz"), _name_of("2026.xlsx")
    ('orders_export', 'dataset')
    """
    stem = re.sub(r"(\.[A-Za-z0-9]{1,8}){1,2}$", "", file.rpartition("/")[2])
    words = [word for word in plain_heading(stem).split("_") if not word.isdecimal()]
    found = "_".join(words)[:50].strip("_")
    return found if NAME.fullmatch(found) else "dataset"


def _columns(sample: Sample) -> list[Column]:
    return [look_at(name, [cells.at(row, name) for row in sample.rows]) for name in sample.names]


def _tried(
    sample: Sample, given: Mapping[str, Any], timezone: str
) -> tuple[int, Mapping[str, int]]:
    """How many rows of the sample would land, and why the others would not."""
    dataset = Dataset.model_validate(yaml.safe_load(yaml.safe_dump(dict(given))))
    reading = Reading(dataset, Company(timezone))
    refused: Counter[str] = Counter()
    readable = 0
    for row in sample.rows:
        try:
            reading.read(row)
            readable += 1
        except Unreadable as error:
            refused[str(error).partition(" (written like")[0]] += 1
    return readable, dict(refused.most_common(5))
