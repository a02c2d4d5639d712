"""Tombstones: salted hashes of erased people's ids, which keep their records from landing again.

They are stored in the warehouse and also in a journal file in `var/privacy`. After a restore, the
tombstones that are younger than the backup come from the journal.

>>> fingerprint(b"salt", "email", "A@example.com") == fingerprint(b"salt", "email", "a@example.com")
True
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from rapport.errors import ConfigError
from rapport.file_locks import held
from rapport.landing.batches import Batch
from rapport.landing.person_references import Reference, record_namespace, references
from rapport.paths import private_file, var_dir

ADDRESS = re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
Connection = psycopg.Connection[Any]
Handles = dict[str, set[str]]


def fingerprint(salt: bytes, namespace: str, value: str) -> bytes:
    """The SHA-256 of an id within its namespace, ignoring case."""
    return hashlib.sha256(salt + namespace.encode() + b"\0" + value.lower().encode()).digest()


def journal() -> Path:
    """The journal: the file outside of the warehouse that holds the salt and the hashes."""
    return var_dir() / "privacy" / "tombstones.jsonl"


def salt(connection: Connection) -> bytes:
    """The salt of this warehouse, created once and written to the journal before its first use."""
    row = connection.execute("select salt from privacy.salt").fetchone()
    if row is not None:
        return bytes(row[0])
    with held(_lock()):
        known, _ = _read()
        value = known or secrets.token_bytes(32)
        if known is None:
            private_file(journal(), json.dumps({"salt": value.hex()}) + "\n")
    connection.execute(
        "insert into privacy.salt (salt) values (%s) on conflict do nothing", (value,)
    )
    return salt(connection)


def add(connection: Connection, handles: Handles, request_id: int, at: datetime) -> int:
    """Write a tombstone for each id, first to the journal; returns the number of ids.

    `handles` maps a namespace, such as `email`, to the person's ids in it.
    """
    salt_bytes = salt(connection)
    hashes = sorted(
        fingerprint(salt_bytes, namespace, value)
        for namespace, values in handles.items()
        for value in values
    )
    _write(hashes, at)
    connection.execute(
        "insert into privacy.tombstones (hash, request_id, erased_at)"
        " select hash, %s, %s from unnest(%s::bytea[]) as given (hash) on conflict do nothing",
        (request_id, at, hashes),
    )
    return len(hashes)


def _write(hashes: list[bytes], at: datetime) -> None:
    """Append hashes to the journal and wait until they are on disk."""
    with held(_lock()), journal().open("a", encoding="utf-8") as file:
        line = {"at": at.isoformat(), "hashes": [item.hex() for item in hashes]}
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def remove(connection: Connection, handles: Handles) -> int:
    """Remove the tombstones of ids, so that their records can land again; returns how many."""
    salt_bytes = salt(connection)
    hashes = [
        fingerprint(salt_bytes, name, value) for name, some in handles.items() for value in some
    ]
    with held(_lock()), journal().open("a", encoding="utf-8") as file:
        file.write(json.dumps({"lifted": [item.hex() for item in hashes]}) + "\n")
    return connection.execute(
        "delete from privacy.tombstones where hash = any(%s)", (hashes,)
    ).rowcount


def recover(connection: Connection) -> int:
    """Add tombstones from the journal that a restored warehouse lacks; returns how many.

    Raises `ConfigError` if the journal belongs to another warehouse.
    """
    known, hashes = _read()
    if known is None:
        return 0
    row = connection.execute("select salt from privacy.salt").fetchone()
    if row is not None and bytes(row[0]) != known:
        raise ConfigError(
            f"{journal()}: the file belongs to another warehouse, as its salt differs. Put the "
            "file of this warehouse in its place, or move it away if nobody was ever erased."
        )
    connection.execute(
        "insert into privacy.salt (salt) values (%s) on conflict do nothing", (known,)
    )
    return connection.execute(
        "insert into privacy.tombstones (hash, erased_at)"
        " select decode(hash, 'hex'), at::timestamptz"
        " from unnest(%s::text[], %s::text[]) as known (hash, at) on conflict do nothing",
        (list(hashes), list(hashes.values())),
    ).rowcount


def _read() -> tuple[bytes | None, dict[str, str]]:
    """Read the journal; returns the salt, and for each hash the time at which it was written."""
    salt_bytes: bytes | None = None
    hashes: dict[str, str] = {}
    if not journal().exists():
        return None, hashes
    for line in journal().read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # a process was killed while it wrote this line
        if "salt" in entry:
            salt_bytes = bytes.fromhex(entry["salt"])
        for item in entry.get("lifted", ()):
            hashes.pop(item, None)
        hashes.update(dict.fromkeys(entry.get("hashes", ()), entry.get("at", "")))
    return salt_bytes, hashes


def _lock() -> Path:
    journal().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return journal().parent / ".lock"


class ErasureFilter:
    """Removes the records of erased people from a load. It does nothing if nobody was erased."""

    def __init__(self, connection: Connection, source: str, stream: str) -> None:
        self.namespace = record_namespace(source, stream)
        self.references: tuple[Reference, ...] = ()
        self.hashes: set[bytes] = set()
        self._found: list[bytes] = []
        rows = connection.execute("select hash from privacy.tombstones").fetchall()
        if rows:
            self.salt = salt(connection)
            self.hashes = {bytes(row[0]) for row in rows}
            self.references = references(source, stream)

    def apply(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches without the records of erased people."""
        for batch in batches:
            if self.hashes:
                self._remove_from(batch)
            yield batch

    def _remove_from(self, batch: Batch) -> None:
        kept = []
        for number, (key, payload) in enumerate(zip(batch.keys, batch.payloads, strict=True)):
            if not self.matches(key.decode(), payload):
                kept.append(number)
                continue
            own = fingerprint(self.salt, self.namespace, key.decode())
            if own not in self.hashes:
                self.hashes.add(own)
                self._found.append(own)
        if len(kept) < len(batch.keys):
            batch.keys = [batch.keys[number] for number in kept]
            batch.payloads = [batch.payloads[number] for number in kept]
            batch.hashes = [batch.hashes[number] for number in kept]
        for records in (batch.rejected, batch.repaired):
            records[:] = [
                item
                for item in records
                if not self.matches(item.record_key or "", item.original)
                and not self._mentions(item.original)
            ]

    def _mentions(self, original: bytes) -> bool:
        """Whether an unreadable record contains an e-mail address of somebody who was erased."""
        return any(
            fingerprint(self.salt, "email", found.decode()) in self.hashes
            for found in ADDRESS.findall(original)
        )

    def store_removed(self, connection: Connection, at: datetime) -> None:
        """Write tombstones for the records that were removed, in the caller's transaction.

        Other records may refer to them, as a ticket refers to its author, and must not land either.
        """
        found, self._found = self._found, []
        if found:
            _write(found, at)
            connection.execute(
                "insert into privacy.tombstones (hash, erased_at, is_followed)"
                " select hash, %s, false from unnest(%s::bytea[]) as found (hash)"
                " on conflict do nothing",
                (at, found),
            )

    def matches(self, key: str, payload: bytes) -> bool:
        """Whether a record has a tombstone or refers to an id that has one."""
        if fingerprint(self.salt, self.namespace, key) in self.hashes:
            return True
        if not self.references:
            return False
        try:
            record = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return any(
            fingerprint(self.salt, reference.namespace, value) in self.hashes
            for reference in self.references
            for value in reference.values(record)
        )
