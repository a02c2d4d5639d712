"""CSV files for people and for tools without an interface, with a manifest written last.

`<path>/<segment>/files/<date>/<segment>__files__<run>__full.csv` and so on. A reader who waits for
`manifest.json` sees whole files only. Cells that a spreadsheet would run as a formula get a leading
apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).

Each batch is a part on disk under its own id, so that a repeated batch overwrites itself and a
killed run loses nothing; `finish` makes the files out of the parts.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from rapport.destinations.base import Audience, Batch, Destination, Night, Person, Result
from rapport.paths import under_project

_TRIGGER = re.compile(r"^[\s'\"]*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$")
_PHONE = re.compile(r"^\+\d{6,15}$")


class Files(Destination):
    """Folders of CSV files, for one company's own network; nothing leaves the machine."""

    name = "files"
    documentation = "https://www.rfc-editor.org/rfc/rfc4180"
    needs_connection = False
    batch_size = 5000

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.root = under_project(str(self.options.get("path", "var/exports")))

    def upsert(self, batch: Batch) -> Sequence[Result]:
        """Keep the batch as a part, in which people who were on the list before are changed."""
        self._keep(batch, "added")
        return [Result(person.customer_id) for person in batch.people]

    def remove(self, batch: Batch) -> Sequence[Result]:
        """Keep the batch as a part of those who left."""
        self._keep(batch, "removed")
        return [Result(person.customer_id) for person in batch.people]

    def finish(self, audience: Audience, night: Night) -> None:
        """Write the night's files, if anything changed since the last ones."""
        home = self.root / audience.key / self.name
        parts = home / ".parts"
        if not any(parts.glob("*.jsonl")) and any(home.glob("*/manifest.json")):
            return
        folder = home / night.as_of.date().isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        columns = _columns(audience)
        files = {
            "full": night.everybody(),
            "added": _changed(parts, "added"),
            "removed": _changed(parts, "removed"),
        }
        entries = [
            self._write(folder, audience, night, kind, columns, people)
            for kind, people in files.items()
        ]
        manifest = {
            "segment": audience.key,
            "destination": self.name,
            "purpose": audience.purpose,
            "channel": audience.channel,
            "run_id": night.run_id,
            "previous_run_id": _last_run(home),
            "as_of": night.as_of.isoformat(),
            "code_version": night.code_version,
            "columns": columns,
            "hashed": None,
            "files": entries,
        }
        _publish(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        shutil.rmtree(parts, ignore_errors=True)

    def erase(self, person: Person) -> str:
        """Take the person's lines out of every file, and bring the manifests to what is there."""
        marks = {person.customer_id, person.email, *person.aliases} - {"", None}
        changed = 0
        for path in sorted(self.root.rglob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))
            kept = [rows[0], *(row for row in rows[1:] if not marks & set(row))]
            if len(kept) < len(rows):
                text = io.StringIO()
                csv.writer(text, lineterminator="\n").writerows(kept)
                _publish(path, text.getvalue())
                _amend(path, len(kept) - 1)
                changed += 1
        for path in sorted(self.root.rglob(".parts/*.jsonl")):
            lines = path.read_text(encoding="utf-8").splitlines()
            kept_lines = [line for line in lines if not marks & set(json.loads(line)[:3])]
            if len(kept_lines) < len(lines):
                _publish(path, "".join(line + "\n" for line in kept_lines))
                changed += 1
        return "deleted" if changed else "not there"

    def _keep(self, batch: Batch, kind: str) -> None:
        parts = self.root / batch.audience.key / self.name / ".parts"
        parts.mkdir(parents=True, exist_ok=True)
        rows = (
            json.dumps([p.customer_id, p.email, p.phone, p.full_name, p.is_listed, dict(p.traits)])
            for p in batch.people
        )
        order = f"{len(list(parts.glob('*.jsonl'))):06d}"
        there = next(parts.glob(f"*.{batch.id}.{kind}.jsonl"), None)
        path = there or parts / f"{order}.{batch.id}.{kind}.jsonl"
        _publish(path, "".join(row + "\n" for row in rows))

    def _write(
        self,
        folder: Path,
        audience: Audience,
        night: Night,
        kind: str,
        columns: list[str],
        people: Iterable[Person],
    ) -> dict[str, Any]:
        path = folder / f"{audience.key}__{self.name}__{night.run_id}__{kind}.csv"
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        count = 0
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([disarmed(column) for column in columns])
            for person in people:
                writer.writerow(_cells(person, columns))
                count += 1
            _to_disk(file)
        size, digest = draft.stat().st_size, hashlib.sha256()
        with draft.open("rb") as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
        draft.replace(path)
        return {
            "name": path.name,
            "kind": kind,
            "rows": count,
            "bytes": size,
            "sha256": digest.hexdigest(),
        }


def disarmed(value: Any) -> str:
    """The cell's text; one that a spreadsheet would run gets a leading apostrophe.

    Numbers and phone numbers in E.164 are not formulas and stay as they are.

    >>> disarmed("=1+1"), disarmed("-3.5"), disarmed("+4930123456"), disarmed(None)
    ("'=1+1", '-3.5', '+4930123456', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    if _TRIGGER.match(text) and not _NUMBER.match(text) and not _PHONE.match(text):
        return f"'{text}"
    return text


def _columns(audience: Audience) -> list[str]:
    address = ["phone"] if audience.channel == "sms" else ["email"]
    return ["customer_id", *address, "full_name", *sorted(audience.attributes)]


def _cells(person: Person, columns: list[str]) -> Iterator[str]:
    own = {
        "customer_id": person.customer_id,
        "email": person.email,
        "phone": person.phone,
        "full_name": person.full_name,
    }
    for place, column in enumerate(columns):
        value = own.get(column) if place < 3 else person.traits.get(column)
        yield disarmed(value)


def _changed(parts: Path, kind: str) -> list[Person]:
    """The last word on each person in the parts, sorted; those who were there before are left out.

    Somebody who was added and then removed before the files were written is in neither file's
    opposite: the later part wins.
    """
    last: dict[str, tuple[str, Person]] = {}
    for path in sorted(parts.glob("*.jsonl")):
        part_kind = path.stem.rsplit(".", 1)[1]
        for line in path.read_text(encoding="utf-8").splitlines():
            customer_id, email, phone, full_name, is_listed, traits = json.loads(line)
            if part_kind == "added" and is_listed:
                continue
            person = Person(customer_id, None, email, phone, full_name, traits=traits)
            last[customer_id] = (part_kind, person)
    return [person for _, (found, person) in sorted(last.items()) if found == kind]


def _last_run(home: Path) -> str | None:
    manifests = sorted(home.glob("*/manifest.json"))
    if not manifests:
        return None
    run_id: str = json.loads(manifests[-1].read_text(encoding="utf-8"))["run_id"]
    return run_id


def _amend(path: Path, rows: int) -> None:
    """Bring a manifest to a file that has become shorter."""
    manifest = path.with_name("manifest.json")
    if not manifest.exists():
        return
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in content["files"]:
        if entry["name"] == path.name:
            data = path.read_bytes()
            entry |= {"rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    _publish(manifest, json.dumps(content, indent=2) + "\n")


def _publish(path: Path, content: str) -> None:
    """The whole file or nothing under the name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(content)
        _to_disk(file)
    draft.replace(path)


def _to_disk(file: TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())
