"""The queue of requests for erasure and access, each with the date by which it must be answered.

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
    """The block `privacy` of rapport.yml: the time limit for answers and the retention periods.

    Article 12(3) of the GDPR sets a limit of one month. `rapport db prune` deletes what is older
    than the `keep_…_days`; null keeps it forever.
    """

    answer_within_days: int = Field(default=30, ge=1, le=90)
    keep_old_versions_days: int | None = Field(default=None, ge=1)
    keep_rejected_records_days: int | None = Field(default=90, ge=1)
    keep_runs_days: int | None = Field(default=90, ge=1)
    keep_receipts_days: int | None = Field(default=None, ge=365)
    keep_archives_days: int = Field(default=30, ge=1)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `person` is the id or address from the request; it is removed when done."""

    request_id: int
    kind: Kind
    state: str
    requested_at: datetime
    due_at: datetime
    finished_at: datetime | None
    problem: str | None
    person: str | None = field(default=None, repr=False)


def options() -> Options:
    """The block `privacy` of `rapport.yml`."""
    return load_settings().checked("privacy", Options)


def request(connection: Connection, kind: Kind, who: str, *, at: datetime) -> Request:
    """Add a request to the queue. `who` is a customer id, record id, e-mail or phone number."""
    who = who.replace("\x00", "").strip()
    row = connection.execute(
        "insert into privacy.requests (kind, person, requested_at, due_at)"  # noqa: S608
        f" values (%s, %s, %s, %s) returning {COLUMNS}",
        (kind, who, at, at + timedelta(days=options().answer_within_days)),
    ).fetchone()
    assert row is not None
    return Request(*row)


def pending(connection: Connection) -> list[Request]:
    """The requests that are not done, the most urgent first."""
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
    """Store why a request failed. It stays in the queue."""
    connection.execute(
        "update privacy.requests set state = 'failed', problem = %s where request_id = %s",
        (problem, request_id),
    )
