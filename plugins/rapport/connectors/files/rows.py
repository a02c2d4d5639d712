"""The stream of a dataset of files: which files are read, and which rows are the same.

The position is the state of each file, so that a file that has not changed is not read again.

>>> from rapport.connectors.files.datasets import Dataset
>>> orders = Dataset(path="in/*.csv", format="csv", entity="orders", key=["id"])
>>> Rows(name="shop", dataset=orders).key
('id',)
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rapport.connectors.files import google_sheets
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.file_rows import FileRows
from rapport.connectors.files.places import File, FileError, find
from rapport.connectors.files.row_keys import Identity, identity_of, said_of
from rapport.errors import GiveUp
from rapport.vendors.http import Client
from rapport.vendors.mapped import MappedSource, MappedStream
from rapport.vendors.source import Page, Position

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rows(MappedStream):
    """The rows of all files of a dataset."""

    dataset: Dataset

    @classmethod
    def of(cls, name: str, dataset: Dataset, source: MappedSource) -> "Rows":
        """The stream of a dataset."""
        identity = identity_of(dataset)
        return cls(
            name=name,
            key=dataset.key if identity.kind == "key" else identity.key,
            dataset=dataset,
            enabled=dataset.enabled,
            company=source.company,
            questions=source.questions(name),
            replaces=dataset.rows == "snapshot" or identity.kind == "content",
            most_missing=1.0 if identity.kind == "content" else cls.most_missing,
        )

    @property
    def identity(self) -> Identity:
        """How the rows are told apart."""
        return identity_of(self.dataset)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = (position or {}).get("files", {})
        if (position or {}).get("definition") != self.reading:
            known = {}
            if (said := said_of(self.dataset)) is not None:
                log.info("files %s: %s", self.name, said)
        files = self.files()
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
            yield Page((), position={"definition": self.reading, "files": dict(done)})
        if problems:
            raise GiveUp(
                f"files {self.name}: {len(problems)} of {len(files)} files not read to the end: "
                f"{' '.join(problems[:5])} The others landed; run again when these are good."
            )

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The keys of the files that are there, for datasets that are replaced as a whole."""
        for file in self.files():
            for page in self._pages_of(file):
                yield page.keys or [self.read_key(record).key for record in page.records]

    def files(self) -> Sequence[File]:
        """The files to read: all, or the newest by name of a snapshot.

        Raises `GiveUp` where rows could be in several files and nothing says which are the same.
        """
        if self.dataset.format == "google_sheet":
            return google_sheets.find(self.dataset)
        files = find(self.dataset.path, self.dataset.conn_id)
        if self.dataset.rows == "snapshot":
            return files[-1:]
        if self.identity.kind == "content" and len(files) > 1:
            raise GiveUp(
                f"files {self.name}: {len(files)} files and no key, so that a row could count "
                "twice. Write in rapport.yml which columns tell rows apart (`key: [...]`), or "
                "`rows: events` where each row is a thing of its own, or `rows: snapshot` where "
                "only the newest file counts."
            )
        return files

    def _pages_of(self, file: File) -> Iterator[Page]:
        return FileRows(self, self.dataset, self.identity, file).pages()
