"""CSV files for people and for systems without an API, with a manifest written last.

`<path>/<segment>/files/<date>/<segment>__files__<run>__full.csv` and so on, to a folder, an object
store or an SFTP server. A reader who waits for `manifest.json` sees whole files only. Every cell
is quoted, and what a spreadsheet would run as a formula is text (`rapport.safe_csv`). With
`hash: google`, `meta` or `tiktok` the file is what that ad platform takes, and holds digests only.

What changes is kept on disk batch by batch, so that a repeated batch overwrites itself, a killed
run loses nothing, and nobody has to fit into memory; `finish` makes the files out of it.
"""

import csv
import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import field_validator

from rapport.connectors.files import VENDOR, hashing
from rapport.connectors.files.export_places import Folder, place
from rapport.paths import draft_of, var_dir
from rapport.safe_csv import escaped, unescaped, writer
from rapport.vendors.destination import (
    Audience,
    Batch,
    Destination,
    DestinationOptions,
    Person,
    Result,
    RunContext,
)

_CHANGES = """
create table if not exists changes (customer_id text primary key, kind text not null,
    row text not null) without rowid;
create table if not exists runs (run_id text not null);
"""


class Options(DestinationOptions):
    """Where files go (`conn_id`: with which connection), their mode, and the form of a digest."""

    path: str = "var/exports"
    conn_id: str | None = None
    mode: str = "0600"
    hash: str | None = None

    @field_validator("hash")
    @classmethod
    def _is_a_form(cls, value: str | None) -> str | None:
        if value is not None and value not in hashing.FORMS:
            raise ValueError(f"write {', '.join(hashing.FORMS)}")
        return value

    @field_validator("mode")
    @classmethod
    def _is_octal(cls, value: str) -> str:
        try:
            int(value, 8)
        except ValueError:
            raise ValueError('write it like "0640"') from None
        return value


class Files(Destination):
    """Folders of CSV files; without `path: s3://…` or `sftp://…` nothing leaves the machine.

    Options: `path`, with `conn_id` for an object store or an SFTP server; `mode`, the permissions
    of the files; `hash: google`, `meta` or `tiktok` for digests that an ad platform takes.
    """

    vendor = VENDOR
    options: Options
    options_model = Options
    messages_on = "nothing"
    batch_size = 5000

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.form, path = self.options.hash, self.options.path
        self.place = place(path, self.options.conn_id, int(self.options.mode, 8))
        if isinstance(self.place, Folder):
            self._home = self.place.root
        else:
            mark = hashlib.sha256(path.encode()).hexdigest()[:8]
            self._home = var_dir() / "exports" / f".{mark}"

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Keep who is new and who has changed; a hashed form has no row for who has no address."""
        errors: dict[str, str] = {}
        if self.form is not None:
            wanted = [p for p in batch.people if not (p.email or p.phone)]
            errors = {person.customer_id: "no address" for person in wanted}
        kept = [person for person in batch.people if person.customer_id not in errors]
        self._keep(batch.audience, [("changed" if p.is_listed else "added", p) for p in kept])
        return [Result(p.customer_id, error=errors.get(p.customer_id)) for p in batch.people]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Keep the people who left."""
        self._keep(batch.audience, [("removed", person) for person in batch.people])
        return [Result(person.customer_id) for person in batch.people]

    def finish(self, audience: Audience, run: RunContext) -> None:
        """Write the files of this run, if anything changed since the last files."""
        with closing(self._changes(audience)) as changes:
            last = changes.execute("select run_id from runs").fetchone()
            if last and not changes.execute("select 1 from changes limit 1").fetchone():
                return
            columns = self._columns(audience)
            files: dict[str, Iterable[Person]] = {
                "full": run.everybody(),
                "added": _changed(changes, "added"),
                "removed": _changed(changes, "removed"),
            }
            folder = f"{audience.key}/{self.name}/{run.as_of.date().isoformat()}"
            entries = [
                self._write(folder, f"{audience.key}__{self.name}__{run.run_id}__{kind}.csv",
                            kind, columns, people)
                for kind, people in files.items()
            ]  # fmt: skip
            manifest = {
                "segment": audience.key,
                "destination": self.name,
                "purpose": audience.purpose,
                "channel": audience.channel,
                "run_id": run.run_id,
                "previous_run_id": last[0] if last else None,
                "as_of": run.as_of.isoformat(),
                "code_version": run.code_version,
                "columns": list(columns),
                "hashed": self.form,
                "files": entries,
            }
            content = json.dumps(manifest, indent=2) + "\n"
            self.place.put(self._draft(content.encode()), f"{folder}/manifest.json")
            with changes:
                changes.execute("delete from changes")
                changes.execute("delete from runs")
                changes.execute("insert into runs values (?)", (run.run_id,))

    def erase(self, person: Person) -> str | None:
        """Take the person's lines out of every file, and bring the manifests to what is there.

        What was put on a server of somebody else is theirs to delete.
        """
        ids = {mark for mark in (person.customer_id, *person.aliases) if mark}
        mail = (person.email or "").strip().lower()
        plain = {mark.lower() for mark in ids} | ({mail} if mail else set())
        marks = plain | hashing.marks(person)
        changed = sum(_forget_lines(path, marks) for path in sorted(self._home.rglob("*.csv")))
        for path in sorted(self._home.rglob(".changes.sqlite")):
            changed += _forget_changes(path, ids, mail)
        if not isinstance(self.place, Folder):
            return None
        return "deleted" if changed else "not there"

    def _columns(self, audience: Audience) -> dict[str, hashing.Cell]:
        """Header and content of each column."""
        if self.form is not None:
            hashed = hashing.columns(self.form, audience.attributes)
            if audience.channel in ("sms", "push"):
                # A yes to texts is none to a match by address.
                hashed = {
                    name: cell for name, cell in hashed.items() if "email" not in name.lower()
                }
            return {header: _safe(cell) for header, cell in hashed.items()}
        cells: dict[str, hashing.Cell] = {"customer_id": lambda person: escaped(person.customer_id)}
        if audience.channel == "sms":
            cells["phone"] = lambda person: escaped(person.phone)
        else:
            cells["email"] = lambda person: escaped(person.email)
        cells["full_name"] = lambda person: escaped(person.full_name)
        return cells | {
            escaped(name): _trait(name) for name in sorted(audience.attributes) if name not in cells
        }

    def _write(
        self,
        folder: str,
        name: str,
        kind: str,
        columns: Mapping[str, hashing.Cell],
        people: Iterable[Person],
    ) -> dict[str, Any]:
        draft, count = self._draft(), 0
        cells = list(columns.values())
        with draft.open("w", encoding="utf-8", newline="") as file:
            lines = writer(file)
            lines.writerow(columns)
            for person in people:
                lines.writerow([cell(person) for cell in cells])
                count += 1
            file.flush()
            os.fsync(file.fileno())
        with draft.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = draft.stat().st_size
        self.place.put(draft, f"{folder}/{name}")
        return {"name": name, "kind": kind, "rows": count, "bytes": size, "sha256": digest}

    def _draft(self, content: bytes = b"") -> Path:
        """A file of this machine that only its owner can read."""
        self._home.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".draft.", suffix=f".{os.getpid()}", dir=self._home)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return Path(name)

    def _changes(self, audience: Audience) -> sqlite3.Connection:
        """The changes since the last files of the segment."""
        folder = self._home / audience.key / self.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ".changes.sqlite"
        if not path.exists():
            path.touch(mode=0o600)
        changes = sqlite3.connect(path)
        changes.executescript(_CHANGES)
        return changes

    def _keep(self, audience: Audience, people: Sequence[tuple[str, Person]]) -> None:
        """Keep the last change of each person. A new person who changes again stays new."""
        if not people:
            return
        with closing(self._changes(audience)) as changes, changes:
            changes.executemany(
                "insert into changes values (?, ?, ?) on conflict (customer_id) do update set"
                " kind = case when excluded.kind = 'changed' then changes.kind"
                " else excluded.kind end, row = excluded.row",
                [(person.customer_id, kind, _row(person)) for kind, person in people],
            )


def _forget_lines(path: Path, marks: set[str]) -> bool:
    """Write a file anew without the lines that have one of the marks as a cell."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    kept = [row for row in rows if marks.isdisjoint(unescaped(cell).lower() for cell in row)]
    if len(kept) == len(rows):
        return False
    with (
        draft_of(path, mode=path.stat().st_mode & 0o777) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        writer(file).writerows([header, *kept])
    manifest = path.with_name("manifest.json")
    if manifest.exists():
        content = json.loads(manifest.read_text(encoding="utf-8"))
        data = path.read_bytes()
        now = {"rows": len(kept), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for entry in content["files"]:
            entry |= now if entry["name"] == path.name else {}
        manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return True


def _forget_changes(path: Path, ids: set[str], mail: str) -> bool:
    """Take a person out of what is kept for the next files, from the disk too."""
    with closing(sqlite3.connect(path)) as changes, changes:
        changes.execute("pragma secure_delete = on")
        rows = changes.execute("select customer_id, row from changes").fetchall()
        theirs = [
            (customer_id,)
            for customer_id, row in rows
            if customer_id in ids or (mail and str(json.loads(row)[0]).lower() == mail)
        ]
        changes.executemany("delete from changes where customer_id = ?", theirs)
    return bool(theirs)


def _safe(cell: hashing.Cell) -> hashing.Cell:
    return lambda person: escaped(cell(person))


def _trait(name: str) -> hashing.Cell:
    return lambda person: escaped(person.traits.get(name))


def _row(person: Person) -> str:
    return json.dumps([person.email, person.phone, person.full_name, dict(person.traits)])


def _changed(changes: sqlite3.Connection, kind: str) -> Iterator[Person]:
    """Those of a kind by customer_id, as bytes sort."""
    sql = "select customer_id, row from changes where kind = ? order by customer_id"
    for customer_id, row in changes.execute(sql, (kind,)):
        email, phone, full_name, traits = json.loads(row)
        yield Person(customer_id, None, email, phone, full_name, traits=traits)
