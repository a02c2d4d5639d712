"""The queue of what people asked for: erase or access, each with the day it has to be answered by.

>>> request(connection, "erase", "mara@example.com", at=now)  # doctest: +SKIP
Request(request_id=1, kind='erase', state='open', ...)
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import psycopg
from pydantic import Field

from rapport.settings import Block, load_settings

Connection = psycopg.Connection[Any]
Kind = Literal["erase", "access"]
COLUMNS = "request_id, kind, state, requested_at, due_at, finished_at, problem, person"


class Options(Block):
    """The block `privacy` of rapport.yml: by when a request is answered, how long things are kept.

    A month is what Article 12(3) of the GDPR gives. What is older than `keep` days goes in
    `rapport db prune`; null keeps it for good.
    """

    answer_within_days: int = Field(default=30, ge=1, le=90)
    keep_old_versions_days: int | None = Field(default=None, ge=1)
    keep_rejected_records_days: int | None = Field(default=90, ge=1)
    keep_runs_days: int | None = Field(default=90, ge=1)
    keep_receipts_days: int | None = Field(default=None, ge=365)
    keep_archives_days: int = Field(default=30, ge=1)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `person` is what they were named by, until it is done."""

    request_id: int
    kind: Kind
    state: str
    requested_at: datetime
    due_at: datetime
    finished_at: datetime | None
    problem: str | None
    person: str | None = field(default=None, repr=False)


def options() -> Options:
    """The block of `rapport.yml`."""
    return load_settings().checked("privacy", Options)


def request(connection: Connection, kind: Kind, who: str, *, at: datetime) -> Request:
    """Put a request into the queue."""
    who = who.replace("\x00", "").strip()
    row = connection.execute(
        "insert into privacy.requests (kind, person, requested_at, due_at)"  # noqa: S608
        f" values (%s, %s, %s, %s) returning {COLUMNS}",
        (kind, who, at, at + timedelta(days=options().answer_within_days)),
    ).fetchone()
    assert row is not None
    return Request(*row)


def pending(connection: Connection) -> list[Request]:
    """What is not done, the most urgent first."""
    rows = connection.execute(
        f"select {COLUMNS} from privacy.requests where state <> 'done'"  # noqa: S608
        " order by due_at, request_id"
    )
    return [Request(*row) for row in rows]


def every(connection: Connection) -> list[Request]:
    """All requests, the newest first."""
    rows = connection.execute(
        f"select {COLUMNS} from privacy.requests order by request_id desc"  # noqa: S608
    )
    return [Request(*row) for row in rows]


def fail(connection: Connection, request_id: int, problem: str) -> None:
    """Note why a request could not be worked; it stays in the queue."""
    connection.execute(
        "update privacy.requests set state = 'failed', problem = %s where request_id = %s",
        (problem, request_id),
    )
