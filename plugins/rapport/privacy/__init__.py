"""Privacy: works the requests of people for erasure of and access to their data.

>>> work(at=datetime.now(UTC))  # doctest: +SKIP
{'done': 2, 'failed': 0, 'overdue': 0}
"""

import logging
from datetime import datetime

import psycopg

from rapport.errors import RapportError
from rapport.privacy.requests import Request, fail, pending
from rapport.warehouse import locks

log = logging.getLogger(__name__)


def answer(connection: psycopg.Connection, request: Request, *, at: datetime) -> None:
    """Answer one request. If this fails, the error is stored with the request and raised."""
    from rapport.privacy.access import write_archive
    from rapport.privacy.erase import erase

    with locks.only_one(connection, f"privacy/{request.request_id}") as is_ours:
        if not is_ours:
            log.info("request %s: another process is working on it", request.request_id)
            return
        try:
            if request.kind == "erase":
                erase(connection, request, at=at)
            else:
                write_archive(connection, request, at=at)
        except RapportError as error:
            problem = str(error)
            if request.person:
                problem = problem.replace(request.person, "the person")
            fail(connection, request.request_id, problem)
            raise


def work(connection: psycopg.Connection, *, at: datetime) -> dict[str, int]:
    """Answer all open requests, the most urgent first; returns the counts.

    A request that fails stays open and does not stop the others. `at` is in UTC.
    """
    from rapport.privacy.repeated_erasures import delete_referring_records

    counts = {"done": 0, "failed": 0, "overdue": 0}
    if deleted := delete_referring_records(connection):
        log.info("%s records deleted: they refer to records of erased people", deleted)
    for request in pending(connection):
        try:
            answer(connection, request, at=at)
            counts["done"] += 1
        except RapportError as error:
            log.error("request %s: %s", request.request_id, error)
            counts["failed"] += 1
        if request.due_at < at:
            counts["overdue"] += 1
    return counts
