"""Erasure: every tool is told, every store is emptied, each with a receipt; a kill costs nothing.

First the ids of the person are kept with the request and their tombstones written, so that what
was erased cannot land again and a killed erasure knows whom it was about. Each further step and
its receipt are one transaction; a step that has its receipt is not done again. At the end the ids
go too.

>>> erase(connection, request, at=now)  # doctest: +SKIP
[Receipt(store='tool postbox', state='erased', items=1, answer='deleted'), ...]
"""

import logging
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from rapport import faults
from rapport.connectors import open_destination
from rapport.errors import ConfigError, GateFailed, RapportError, RetryLater
from rapport.landing import person_references, tombstones
from rapport.landing.raw_tables import table_of
from rapport.landing.stream_writer import Writer
from rapport.paths import var_dir
from rapport.privacy import foreign, stores
from rapport.privacy.person import Person, find
from rapport.privacy.requests import Request
from rapport.settings import load_settings
from rapport.vendors.destination import Destination
from rapport.vendors.destination import Person as Contact
from rapport.warehouse import locks

Connection = psycopg.Connection[Any]
Open = Callable[[str, Mapping[str, Any]], Destination]
PATIENCE = 60.0  # seconds
LONGEST_NIGHT = timedelta(hours=6)
LARGEST_TEXT = 64 * 1024 * 1024
# Not ours to edit, or emptied by a step of its own.
APART = ("postgres", "sandbox", "privacy", "backups", "access", "exports")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the person in one store: `erased`, `nothing` was there, or `by_hand`."""

    store: str
    state: str
    items: int = 0
    answer: str | None = None


def erase(
    connection: Connection,
    request: Request,
    *,
    at: datetime,
    open_tool: Open = open_destination,
    tell_tools: bool = True,
) -> list[Receipt]:
    """Erase the person of a request, or go on where a killed erasure stopped.

    `connection` must be in autocommit mode. A tool that is down does not keep the stores from being
    emptied; its error is raised at the end, and the request stays open for it. Raises `RetryLater`
    while a night is under way, `GateFailed` where something is left.
    """
    _wait_for_night(connection, at)
    person, remote_ids = _remember(connection, request, at)
    failed: RapportError | None = None
    settings, others = load_settings(), foreign.tables(connection)
    tools = settings.enabled("destinations") if tell_tools else {}
    for name, options in tools.items():
        try:
            with _step(connection, request, f"tool {name}") as keep:
                if keep is not None:
                    _wait_for_push(connection, name)
                    keep(_tell(open_tool(name, options), person, remote_ids.get(name, set())))
                    faults.point("privacy.told")
        except RapportError as error:
            log.error("request %s, tool %s: %s", request.request_id, name, error)
            failed = failed or error
    for name in sorted(remote_ids.keys() - tools.keys()) if tell_tools else ():
        with _step(connection, request, f"tool {name}") as keep:
            if keep is not None:
                keep(Receipt("", "by_hand", answer="not in rapport.yml any more: delete there"))
    for name in settings.enabled("sources"):
        with _step(connection, request, f"source {name}") as keep:
            if keep is not None:
                keep(_of_source(person, name))
    for source, stream in person_references.streams(settings):
        if ("raw", f"{source}__{stream}") in others:
            continue
        with _step(connection, request, f"raw.{source}__{stream}") as keep:
            if keep is not None:
                keep(_empty_raw(connection, person, source, stream))
    with _step(connection, request, "raw.rejected_records") as keep:
        if keep is not None:
            keep(_empty_rejected(connection, person))
    for table in stores.tables(connection):
        with _step(connection, request, f"{table.schema}.{table.name}") as keep:
            if keep is not None:
                keep(_counted(stores.delete(connection, table, person)))
    for (schema, name), owner in others.items():
        with _step(connection, request, f"{schema}.{name}") as keep:
            if keep is not None:
                keep(Receipt("", "by_hand", answer=f"belongs to {owner}: delete there"))
    with _step(connection, request, "mentions") as keep:
        if keep is not None:
            changed = stores.scrub(connection, sorted(person.traces))
            connection.execute("update identity.state set must_rebuild = true")
            keep(_counted(sum(changed.values()), ", ".join(sorted(changed)) or None))
    with _step(connection, request, "files of the project") as keep:
        if keep is not None:
            keep(_counted(_scrub_files(person)))
    for name, options in tools.items() if failed is None else ():
        # A batch that was on its way when the tool was told first may have come after that.
        with _step(connection, request, f"tool {name}, last look") as keep:
            if keep is not None:
                keep(_tell(open_tool(name, options), person, remote_ids.get(name, set())))
    if failed is not None:
        raise failed
    _finish(connection, request, person, at)
    return receipts(connection, request.request_id)


def preview(connection: Connection, who: str) -> dict[str, int]:
    """How many items of each store an erasure would take; changes nothing."""
    person = find(connection, who, region=load_settings().company.default_region)
    counts = {
        f"raw.{source}__{stream}": len(person.records(source, stream))
        for source, stream in person_references.streams()
    }
    return {store: n for store, n in {**counts, **stores.left(connection, person)}.items() if n}


def receipts(connection: Connection, request_id: int) -> list[Receipt]:
    """The receipts of a request, in the order in which they were given."""
    rows = connection.execute(
        "select store, state, items, answer from privacy.receipts where request_id = %s"
        " order by at, store",
        (request_id,),
    )
    return [Receipt(*row) for row in rows]


def _wait_for_night(connection: Connection, at: datetime) -> None:
    row = connection.execute(
        "select run_id from ops.nights where status = 'running' and started_at > %s",
        (at - LONGEST_NIGHT,),
    ).fetchone()
    if row is not None:
        raise RetryLater(
            f"privacy: night {row[0]} is under way and would build the person anew from what it "
            "has read. Run again once it has ended; the request stays in the queue."
        )


def _wait_for_push(connection: Connection, tool: str) -> None:
    """A push that begins from now on leaves out who is being erased; one under way may not."""
    if locks.holders(connection, f"activation/{tool}"):
        raise RetryLater(
            f"privacy: a push to {tool} is under way and may send the person again. Run again once "
            "it has ended; the request stays in the queue."
        )


def _remember(
    connection: Connection, request: Request, at: datetime
) -> tuple[Person, dict[str, set[str]]]:
    """The person as they were when the erasure began."""
    with connection.transaction():
        rows = connection.execute(
            "select namespace, value from privacy.subjects where request_id = %s",
            (request.request_id,),
        ).fetchall()
        if rows:
            return _recalled(rows)
        if request.person is None:
            raise ConfigError(f"privacy: request {request.request_id} names nobody.")
        region = load_settings().company.default_region
        person = find(connection, request.person, region=region)
        tools = connection.execute(
            "select destination, remote_id from activation.ledger"
            " where customer_id = any(%s) group by 1, 2",
            (list(person.customers),),
        ).fetchall()
        entries = {(name, value) for name in FIELDS for value in getattr(person, name)}
        entries |= {(f"handle {ns}", v) for ns, values in person.handles.items() for v in values}
        entries |= {(f"tool {name}", remote or "") for name, remote in tools}
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into privacy.subjects values (%s, %s, %s)",
                [(request.request_id, *entry) for entry in sorted(entries)],
            )
        tombstones.bury(connection, person.handles, request.request_id, at)
        connection.execute(
            "update privacy.requests set state = 'running' where request_id = %s",
            (request.request_id,),
        )
    faults.point("privacy.remembered")
    return _recalled(list(entries))


FIELDS = ("customers", "profiles", "keys", "identifiers", "traces")


def _recalled(rows: Sequence[tuple[str, str]]) -> tuple[Person, dict[str, set[str]]]:
    person = Person()
    tools: dict[str, set[str]] = {}
    for namespace, value in rows:
        kind, _, name = namespace.partition(" ")
        if kind == "handle":
            person.add(name, value)
        elif kind == "tool":
            tools.setdefault(name, set()).update({value} - {""})
        else:
            getattr(person, kind).add(value)
    return person, tools


@contextmanager
def _step(
    connection: Connection, request: Request, store: str
) -> Iterator[Callable[[Receipt], None] | None]:
    """One transaction with its receipt; yields nothing to call where it has one already."""
    done = connection.execute(
        "select from privacy.receipts where request_id = %s and store = %s",
        (request.request_id, store),
    ).fetchone()
    if done is not None:
        yield None
        return

    def keep(receipt: Receipt) -> None:
        connection.execute(
            "insert into privacy.receipts (request_id, store, state, items, answer)"
            " values (%s, %s, %s, %s, %s)",
            (request.request_id, store, receipt.state, receipt.items, receipt.answer),
        )

    with connection.transaction():
        yield keep
    faults.point("privacy.erased")


def _counted(items: int, answer: str | None = None) -> Receipt:
    return Receipt("", "erased" if items else "nothing", items, answer)


def _tell(tool: Destination, person: Person, remote_ids: set[str]) -> Receipt:
    """Ask a tool to forget the person by every id and address that it may know them by."""
    ids = tuple(sorted(person.customers))
    emails = sorted(person.handles.get("email", ()))
    known: list[Contact] = [
        Contact(ids[0] if ids else "", remote_id=remote_id, aliases=ids)
        for remote_id in sorted(remote_ids)
    ]
    known += [Contact(ids[0] if ids else "", email=email, aliases=ids) for email in emails]
    # A number that somebody else offers too is not the person's alone.
    phones = sorted(person.traces & person.handles.get("phone", set()))
    known += [Contact(ids[0] if ids else "", phone=phone, aliases=ids) for phone in phones]
    if not known and ids:
        known = [Contact(ids[0], aliases=ids)]
    try:
        answers = [tool.erase(contact) for contact in known]
    finally:
        tool.close()
    told = [answer for answer in answers if answer is not None]
    if not told:
        text = "Rapport cannot delete there: delete by hand" if known else None
        return Receipt("", "by_hand" if known and remote_ids else "nothing", 0, text)
    erased = [answer for answer in told if answer != "not there"]
    return _counted(len(erased), ", ".join(sorted(set(told))))


def _of_source(person: Person, source: str) -> Receipt:
    """What came from a tool of the company is there until the company deletes it there."""
    found = sum(
        len(person.records(name, stream))
        for name, stream in person_references.streams()
        if name == source
    )
    if not found:
        return Receipt("", "nothing")
    return Receipt("", "by_hand", found, "delete there; what still comes does not land")


def _empty_raw(connection: Connection, person: Person, source: str, stream: str) -> Receipt:
    """Every version of the person's records, and none of a load that is under way."""
    keys = person.records(source, stream)
    if not keys:
        return Receipt("", "nothing")
    with Writer(connection, source, stream):
        gone = connection.execute(
            sql.SQL("delete from {} where lower(record_key) = any(%s)").format(
                table_of(source, stream)
            ),
            (keys,),
        ).rowcount
    return _counted(gone)


def _empty_rejected(connection: Connection, person: Person) -> Receipt:
    gone = 0
    for source, stream in person_references.streams():
        gone += connection.execute(
            "delete from raw.rejected_records where source = %s and stream = %s"
            " and lower(record_key) = any(%s)",
            (source, stream, person.records(source, stream)),
        ).rowcount
    for trace in sorted(person.traces):
        # Bytes that are no text are compared as they are; letters of ASCII in either case.
        gone += connection.execute(
            "delete from raw.rejected_records"
            " where position(lower(%s) in lower(encode(original, 'escape'))) > 0",
            (trace,),
        ).rowcount
    return _counted(gone)


def _scrub_files(person: Person) -> int:
    """Take addresses out of reports and logs, and archives of the person away."""
    traces = [trace.encode() for trace in sorted(person.traces, key=len, reverse=True)]
    pattern = re.compile(b"|".join(map(re.escape, traces)), re.IGNORECASE) if traces else None
    changed = 0
    for path in _texts(var_dir()):
        content = path.read_bytes()
        cleaned = pattern.sub(stores.ERASED.encode(), content) if pattern else content
        if cleaned != content:
            path.write_bytes(cleaned)
            changed += 1
    marks = [*traces, *(customer.encode() for customer in person.customers)]
    for archive in (var_dir() / "access").glob("*.zip"):
        with zipfile.ZipFile(archive) as content_of:
            is_theirs = any(mark in content_of.read("person.json") for mark in marks)
        if is_theirs:
            archive.unlink()
            changed += 1
    return changed


def _texts(folder: Path) -> Iterator[Path]:
    for top in sorted(folder.glob("*")):
        if top.name in APART:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            is_text = path.suffix in (".log", ".json", ".jsonl", ".html", ".txt", ".sql", ".csv")
            if is_text and path.is_file() and path.stat().st_size <= LARGEST_TEXT:
                yield path


def _finish(connection: Connection, request: Request, person: Person, at: datetime) -> None:
    """Look once more, when nobody is at work who read the person before; then forget who it was."""
    with connection.transaction():
        for work in ("activation", "build"):
            locks.take_turn(connection, work)
            if not locks.wait_for_holders(connection, work, PATIENCE):
                raise RetryLater(
                    "privacy: a run is under way and may write the person down again. Run again "
                    "once it has ended; the request stays in the queue."
                )
        left = stores.left(connection, person)
        if not left:
            connection.execute(
                "delete from privacy.subjects where request_id = %s", (request.request_id,)
            )
            connection.execute(
                "update privacy.requests set state = 'done', person = null, problem = null,"
                " finished_at = %s where request_id = %s",
                (at, request.request_id),
            )
    if left:
        # What came back while this ran is taken again by the next try.
        connection.execute(
            "delete from privacy.receipts where request_id = %s and store = any(%s)",
            (request.request_id, list(left)),
        )
        raise GateFailed(
            f"privacy: request {request.request_id}: rows are left in {', '.join(left)}. "
            "Something built them meanwhile; run `rapport privacy work` again."
        )
