"""Looks for people and secrets in whatever a night leaves behind.

A person is an e-mail address, a phone number or a full name that the warehouse holds of anybody.

>>> sorted(Canaries(people={"mara@example.com"}).found(b"to Mara@Example.com: hello"))
['mara@example.com']
"""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

# Where people may be: the schemas that hold them, what vendors and the company's own folders hold,
# and what is written for somebody who may see it.
SCHEMAS = (
    "raw", "staging", "intermediate", "identity", "identity_build", "build_pii", "marts_pii",
)  # fmt: skip
FILES = ("in/*", "exports/*", "var/exports/*", "var/sandbox/*", "var/postgres/*")
# Where secrets may be: files that only their owner can read.
SECRET_FILES = (
    "var/airflow/secrets.json",
    "var/airflow/passwords.json",
    "var/postgres/passwords.json",
)

ADDRESS = re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
NUMBER = re.compile(rb"(?<![0-9a-zA-Z-])\+?\d[\d ()/.-]{7,20}\d")

PEOPLE = """
select lower(email) from marts_pii.dim_customer_contacts
union select phone from marts_pii.dim_customer_contacts
union select full_name from marts_pii.dim_customer_contacts where full_name like '% %'
union select lower(raw_value) from identity.normal_forms
where identifier_type in ('email', 'phone') and problem is null
"""
TABLES = """
select schemaname, tablename from pg_tables
where schemaname !~ '^pg_' and schemaname <> 'information_schema' order by 1, 2
"""


@dataclass
class Canaries:
    """What must not be found."""

    people: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.addresses = {one.lower().encode() for one in self.people if "@" in one}
        digits = {one: re.sub(r"\D", "", one) for one in self.people if "@" not in one}
        self.numbers = {found for found in digits.values() if len(found) >= 9}
        names = {one for one in self.people if " " in one and not digits[one]}
        self.names = {form for one in names for form in _forms(one)}
        self.hidden = {form for one in self.secrets for form in _forms(one)}

    def found(self, content: bytes) -> set[str]:
        """Which of the people stand in the bytes, however they are written."""
        text = content.replace(b"\\u0040", b"@").replace(b"%40", b"@")
        addresses = {hit.lower() for hit in ADDRESS.findall(text)} & self.addresses
        numbers = {re.sub(rb"\D", b"", hit).decode() for hit in NUMBER.findall(content)}
        names = {name for name in self.names if name in content}
        return {hit.decode() for hit in addresses | names} | (numbers & self.numbers)

    def betrayed(self, content: bytes) -> set[str]:
        """Which of the secrets stand in the bytes."""
        return {form.decode() for form in self.hidden if form in content}


def _forms(text: str) -> set[bytes]:
    return {text.encode(), json.dumps(text)[1:-1].encode()}


def people(address: str) -> set[str]:
    """Everybody whom the warehouse knows."""
    with psycopg.connect(address) as connection:
        return {row[0] for row in connection.execute(PEOPLE) if row[0] and len(row[0]) > 6}


def in_files(folder: Path, canaries: Canaries) -> Iterator[tuple[str, str]]:
    """Each file that holds what it must not, with what."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if not any(Path(name).is_relative_to(pattern[:-2]) for pattern in FILES):
                yield from ((name, hit) for hit in canaries.found(content))
            if name not in SECRET_FILES and not name.startswith("var/postgres/cluster/data/"):
                yield from ((name, hit) for hit in canaries.betrayed(content))


def in_tables(address: str, canaries: Canaries) -> Iterator[tuple[str, str]]:
    """Each table outside of the schemas of people that holds what it must not, with what."""
    with psycopg.connect(address) as connection:
        for schema, table in connection.execute(TABLES).fetchall():
            query = sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
            rows = "\n".join(row[0] for row in connection.execute(query)).encode()
            if schema not in SCHEMAS:
                yield from ((f"{schema}.{table}", hit) for hit in canaries.found(rows))
            yield from ((f"{schema}.{table}", hit) for hit in canaries.betrayed(rows))


class Processes:
    """What `ps` shows to anybody on the machine, looked at again and again."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            done = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=False)
            self.seen.update(done.stdout.splitlines())
