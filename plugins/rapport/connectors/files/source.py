"""Files: CSV, JSON lines, Parquet and access logs, from a folder or an object store.

rapport.yml declares the files and the meaning of their columns; each dataset is a stream. Every row
is either stored or rejected. A row whose values have the wrong type goes to `raw.rejected_records`
with file, line, reason and its original bytes. A file that has not changed is not read again.

A row of a dataset with a `key` is stored unchanged, so that it is the same row if another file
contains it again. Without a key, a row is identified by `_file`, `_line` and `_hash`, which are
added to the payload.

>>> [stream.name for stream in Files({"datasets": {"shop": {
...     "path": "in/*.csv", "format": "csv", "entity": "orders"}}}).streams()]
['shop']
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from rapport.connectors.files import VENDOR, access_log, delimited, ga4, json_lines, parquet
from rapport.connectors.files.checks import Check
from rapport.connectors.files.datasets import Dataset, Options
from rapport.connectors.files.places import File, FileError, find
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import lines
from rapport.errors import GiveUp
from rapport.settings import Settings
from rapport.vendors.connections import Connection
from rapport.vendors.datasets import mapped_for_dbt, people_of
from rapport.vendors.http import Client
from rapport.vendors.options import validated
from rapport.vendors.source import Page, Position, Rejected, Source, Stream, with_context

log = logging.getLogger(__name__)

PAGE_ROWS, PAGE_BYTES = 5_000, 8 * 1024 * 1024
WITHOUT_KEY = ("_file", "_line", "_hash")


@dataclass(frozen=True, kw_only=True)
class Rows(Stream):
    """The rows of all files of a dataset. The position is the state of each file."""

    dataset: Dataset

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        declared = self.dataset.model_dump_json(exclude={"enabled"})
        definition = hashlib.sha256(declared.encode()).hexdigest()[:16]
        known = (position or {}).get("files", {})
        if (position or {}).get("definition") != definition:
            known = {}
        files = find(self.dataset.path, self.dataset.conn_id)
        if not files:
            log.warning("files %s: no file at %s", self.name, self.dataset.path)
        done = {file.name: known[file.name] for file in files if file.name in known}
        problems: list[str] = []
        for file in files:
            try:
                stamp = file.stamp()
                if done.get(file.name) == stamp:
                    continue
                yield from self._pages_of(file)
            except (FileError, OSError) as error:
                reason = error if isinstance(error, FileError) else type(error).__name__
                problems.append(f"{file.name} {reason}.")
                continue
            done[file.name] = stamp
            yield Page((), position={"definition": definition, "files": dict(done)})
        if problems:
            raise GiveUp(
                f"files {self.name}: {len(problems)} of {len(files)} files not read to the end: "
                f"{' '.join(problems[:5])} The others landed; run again when these are good."
            )

    def _pages_of(self, file: File) -> Iterator[Page]:
        check = Check(self.dataset)
        identity = file.name
        if self.dataset.format == "access_log":
            identity = _first_line(file)
        records: list[bytes] = []
        rejected: list[Rejected] = []
        size = 0
        damage: FileError | OSError | None = None
        rows = self._rows(file)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                break
            except (FileError, OSError) as error:
                damage = error
                break
            problem = row.problem or check.problem(row.values)
            if problem:
                reason = f"{file.name} line {row.number}: {problem}"
                rejected.append(Rejected(row.original, reason))
            else:
                records.append(self._record(row, identity))
            size += len(row.original)
            if len(records) + len(rejected) >= PAGE_ROWS or size >= PAGE_BYTES:
                yield Page(records, rejected=rejected)
                records, rejected, size = [], [], 0
        yield Page(records, rejected=rejected)
        if damage is not None:
            raise damage

    def _rows(self, file: File) -> Iterator[Row]:
        with file.open() as opened:
            match self.dataset.format:
                case "csv":
                    yield from delimited.rows(lines(opened), self.dataset)
                case "ndjson":
                    yield from json_lines.rows(lines(opened))
                case "access_log":
                    yield from access_log.rows(lines(opened))
                case "ga4":
                    yield from ga4.rows(json_lines.rows(lines(opened)))
                case "parquet":
                    yield from parquet.rows(opened, self.dataset)

    def _record(self, row: Row, identity: str) -> bytes:
        if self.dataset.key:
            return row.json or msgspec.json.encode(row.values)
        digest = hashlib.blake2b(row.original, digest_size=8).hexdigest()
        place = dict(zip(WITHOUT_KEY, (identity, row.number, digest), strict=True))
        if row.json and not place.keys() & row.values.keys():
            return with_context(row.json, place)
        return msgspec.json.encode({**row.values, **place})


def _first_line(file: File) -> str:
    with file.open() as opened:
        for line in lines(opened):
            return f"log-{hashlib.sha256(line.content).hexdigest()[:16]}"
    return file.name


class Files(Source):
    """Option `datasets`: CSV, NDJSON, Parquet, access logs or GA4's BigQuery export, also gzipped.

    Each has `path`, `format`, `entity`, `namespace`, `key` and `columns`; `conn_id` names the
    connection of an object store or an SFTP server, whose `host_key` it holds.
    """

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.datasets = validated(Options, self.options, "files").datasets

    def streams(self) -> Sequence[Stream]:
        return [
            Rows(
                name=name,
                key=dataset.key or WITHOUT_KEY,
                dataset=dataset,
                enabled=dataset.enabled,
            )
            for name, dataset in self.datasets.items()
        ]

    def client(self, connection: Connection) -> Client:
        return Client("", name=self.name)

    def people(self) -> Mapping[str, Mapping[str, str]]:
        """The columns of each dataset that name a person, according to their mapping."""
        return {
            name: people_of(dataset.columns, dataset.namespace or name)
            for name, dataset in self.datasets.items()
        }

    @classmethod
    def record_namespace(cls, stream: str) -> str:
        """Not `files:<stream>`, which is the namespace of the profiles that mapped rows name."""
        return f"files/{stream}"

    @classmethod
    def mapped_datasets(cls, settings: Settings) -> dict[str, Any]:
        """The datasets, with time formats in the syntax of the warehouse.

        Datasets that are turned off are included, because the rows loaded before stay in use.
        """
        if "files" not in settings.sources:
            return {}
        datasets = settings.checked("sources.files", Options).datasets
        return {
            name: {
                "entity": dataset.entity,
                "namespace": dataset.namespace or name,
                "format": dataset.format,
                "key": list(dataset.key),
                "columns": mapped_for_dbt(dataset.columns),
                **({} if dataset.enabled else {"enabled": False}),
            }
            for name, dataset in datasets.items()
        }
