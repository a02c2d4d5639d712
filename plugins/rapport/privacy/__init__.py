"""Privacy: what people may ask for, and what is told to them.

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
    """Work one request; what goes wrong is kept with it and raised."""
    from rapport.privacy.access import write_archive
    from rapport.privacy.erase import erase

    with locks.only_one(connection, f"privacy/{request.request_id}") as is_ours:
        if not is_ours:
            log.info("request %s is being worked by another process", request.request_id)
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
    """Work the queue, the most urgent first; one that fails does not keep the others waiting."""
    from rapport.privacy.replay import follow

    counts = {"done": 0, "failed": 0, "overdue": 0}
    if deleted := follow(connection):
        log.info("%s records named one that was turned away at landing", deleted)
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
