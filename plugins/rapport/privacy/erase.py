"""Erases a person from every destination and every store, with a receipt for each.

First, the person's ids are stored with the request and their tombstones are written, so that erased
records cannot land again and a killed erasure can continue. Each further step commits its receipt
in the same transaction, and a step that has a receipt is not repeated. At the end, the stored ids
are deleted too.

>>> erase(connection, request, at=now)  # doctest: +SKIP
[Receipt(store='tool postbox', state='erased', items=1, answer='deleted'), ...]
"""

import logging
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from rapport import faults
from rapport.connectors import open_destination
from rapport.errors import ConfigError, GateFailed, RapportError, RetryLater
from rapport.identity.phone_forms import can_get_messages
from rapport.landing import person_references, tombstones
from rapport.landing.raw_tables import table_of
from rapport.landing.stream_writer import Writer
from rapport.paths import var_dir
from rapport.privacy import match_values, person_tables, tables_of_others
from rapport.privacy.person import Person, find
from rapport.privacy.requests import Request
from rapport.runs.run import at_work
from rapport.settings import load_settings
from rapport.vendors.destination import Destination
from rapport.vendors.destination import Person as Contact
from rapport.warehouse import locks

Connection = psycopg.Connection[Any]
Open = Callable[[str, Mapping[str, Any]], Destination]
WAIT_SECONDS = 60.0
MAX_TEXT_BYTES = 64 * 1024 * 1024
# Folders of `var` that belong to other programs, or that another step handles.
SKIPPED_FOLDERS = ("postgres", "sandbox", "privacy", "backups", "access", "exports")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result for one store. `state` is `erased`, `nothing` (found) or `by_hand` (to be done).

    `items` counts rows, files or records. `answer` is the destination's answer or a remark.
    """

    store: str
    state: str
    items: int = 0
    answer: str | None = None


def erase(
    connection: Connection,
    request: Request,
    *,
    at: datetime,
    open_with: Open = open_destination,
    call_destinations: bool = True,
) -> list[Receipt]:
    """Erase the person of a request, or continue an erasure that was killed.

    Returns all receipts of the request. `connection` must be in autocommit mode. If a destination
    fails, the stores are erased all the same; the error is raised at the end and the request stays
    open. Raises `RetryLater` while a run is in progress, and `GateFailed` if data is left.
    """
    _refuse_during_run(connection, at)
    person, remote_ids = _load_or_store_person(connection, request, at)
    failed: RapportError | None = None
    settings, others = load_settings(), tables_of_others.tables(connection)
    destinations = settings.enabled("destinations") if call_destinations else {}
    for name, options in destinations.items():
        try:
            with _step(connection, request, f"tool {name}") as keep:
                if keep is not None:
                    _refuse_during_push(connection, name)
                    remotes = remote_ids.get(name, set())
                    keep(_erase_at(open_with(name, options), person, remotes))
                    faults.point("privacy.destination_erased")
        except RapportError as error:
            log.error("request %s: erasing at %s failed: %s", request.request_id, name, error)
            failed = failed or error
    for name in sorted(remote_ids.keys() - destinations.keys()) if call_destinations else ():
        with _step(connection, request, f"tool {name}") as keep:
            if keep is not None:
                keep(Receipt("", "by_hand", answer="no longer in rapport.yml: delete there"))
    for name in settings.enabled("sources"):
        with _step(connection, request, f"source {name}") as keep:
            if keep is not None:
                keep(_count_at_source(person, name))
    for source, stream in person_references.streams(settings):
        if ("raw", f"{source}__{stream}") in others:
            continue
        with _step(connection, request, f"raw.{source}__{stream}") as keep:
            if keep is not None:
                keep(_delete_raw(connection, person, source, stream))
    with _step(connection, request, "raw.rejected_records") as keep:
        if keep is not None:
            keep(_delete_rejected(connection, person))
    with _step(connection, request, "identity.match_frequencies") as keep:
        if keep is not None:
            keep(_counted(match_values.forget(connection, person)))
    for table in person_tables.tables(connection):
        with _step(connection, request, f"{table.schema}.{table.name}") as keep:
            if keep is not None:
                keep(_counted(person_tables.delete(connection, table, person)))
    for (schema, name), owner in others.items():
        with _step(connection, request, f"{schema}.{name}") as keep:
            if keep is not None:
                keep(Receipt("", "by_hand", answer=f"belongs to {owner}: delete there"))
    with _step(connection, request, "mentions") as keep:
        if keep is not None:
            changed = person_tables.scrub(connection, sorted(person.traces))
            connection.execute("update identity.state set must_rebuild = true")
            keep(_counted(sum(changed.values()), ", ".join(sorted(changed)) or None))
    with _step(connection, request, "files of the project") as keep:
        if keep is not None:
            keep(_counted(_scrub_files(person)))
    for name, options in destinations.items() if failed is None else ():
        # A batch that was in flight at the first call may have added the person again.
        with _step(connection, request, f"tool {name}, last look") as keep:
            if keep is not None:
                remotes = remote_ids.get(name, set())
                keep(_erase_at(open_with(name, options), person, remotes))
    if failed is not None:
        raise failed
    _finish(connection, request, person, at)
    return receipts(connection, request.request_id)


def preview(connection: Connection, who: str) -> dict[str, int]:
    """How many items an erasure would remove, by store. It changes nothing."""
    person = find(connection, who, region=load_settings().company.default_region)
    counts = {
        f"raw.{source}__{stream}": len(person.records(source, stream))
        for source, stream in person_references.streams()
    }
    return {
        store: n for store, n in {**counts, **person_tables.left(connection, person)}.items() if n
    }


def receipts(connection: Connection, request_id: int) -> list[Receipt]:
    """The receipts of a request, the oldest first."""
    rows = connection.execute(
        "select store, state, items, answer from privacy.receipts where request_id = %s"
        " order by at, store",
        (request_id,),
    )
    return [Receipt(*row) for row in rows]


def _refuse_during_run(connection: Connection, at: datetime) -> None:
    run_id = at_work(connection, at)
    if run_id is not None:
        raise RetryLater(
            f"privacy: run {run_id} is in progress and may write the person again. Try again when "
            "it has ended. The request stays in the queue."
        )


def _refuse_during_push(connection: Connection, destination: str) -> None:
    """Raise `RetryLater` if a push is in progress; a push that starts later skips the person."""
    if locks.holders(connection, f"activation/{destination}"):
        raise RetryLater(
            f"privacy: a push to {destination} is in progress and may send the person again. Try "
            "again when it has ended. The request stays in the queue."
        )


def _load_or_store_person(
    connection: Connection, request: Request, at: datetime
) -> tuple[Person, dict[str, set[str]]]:
    """The person as found when the erasure began, and their remote ids by destination."""
    with connection.transaction():
        rows = connection.execute(
            "select namespace, value from privacy.subjects where request_id = %s",
            (request.request_id,),
        ).fetchall()
        if rows:
            return _person_of(rows)
        if request.person is None:
            raise ConfigError(
                f"privacy: request {request.request_id} has no person. Make a new request."
            )
        region = load_settings().company.default_region
        person = find(connection, request.person, region=region)
        remotes = connection.execute(
            "select destination, remote_id from activation.ledger"
            " where customer_id = any(%s) group by 1, 2",
            (list(person.customers),),
        ).fetchall()
        entries = {(name, value) for name in FIELDS for value in getattr(person, name)}
        entries |= {(f"handle {ns}", v) for ns, values in person.handles.items() for v in values}
        entries |= {(f"tool {name}", remote or "") for name, remote in remotes}
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into privacy.subjects values (%s, %s, %s)",
                [(request.request_id, *entry) for entry in sorted(entries)],
            )
        tombstones.add(connection, person.handles, request.request_id, at)
        connection.execute(
            "update privacy.requests set state = 'running' where request_id = %s",
            (request.request_id,),
        )
    faults.point("privacy.person_stored")
    return _person_of(list(entries))


FIELDS = ("customers", "profiles", "keys", "identifiers", "traces")


def _person_of(rows: Sequence[tuple[str, str]]) -> tuple[Person, dict[str, set[str]]]:
    person = Person()
    remote_ids: dict[str, set[str]] = {}
    for namespace, value in rows:
        kind, _, name = namespace.partition(" ")
        if kind == "handle":
            person.add(name, value)
        elif kind == "tool":
            remote_ids.setdefault(name, set()).update({value} - {""})
        else:
            getattr(person, kind).add(value)
    return person, remote_ids


@contextmanager
def _step(
    connection: Connection, request: Request, store: str
) -> Iterator[Callable[[Receipt], None] | None]:
    """One transaction with its receipt. Yields the function that stores it, or None if done."""
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


def _erase_at(destination: Destination, person: Person, remote_ids: set[str]) -> Receipt:
    """Erase the person at a destination, by every id and address that it may have."""
    ids = tuple(sorted(person.customers))
    emails = sorted(person.handles.get("email", ()))
    known: list[Contact] = [
        Contact(ids[0] if ids else "", remote_id=remote_id, aliases=ids)
        for remote_id in sorted(remote_ids)
    ]
    known += [Contact(ids[0] if ids else "", email=email, aliases=ids) for email in emails]
    # A phone number that other people have too must not be erased. A number with an extension was
    # never sent.
    phones = sorted(filter(can_get_messages, person.traces & person.handles.get("phone", set())))
    known += [Contact(ids[0] if ids else "", phone=phone, aliases=ids) for phone in phones]
    if not known and ids:
        known = [Contact(ids[0], aliases=ids)]
    try:
        given = [destination.erase(contact) for contact in known]
    finally:
        destination.close()
    answers = [answer for answer in given if answer is not None]
    if not answers:
        text = "Rapport cannot delete at this destination: delete there by hand" if known else None
        return Receipt("", "by_hand" if known and remote_ids else "nothing", 0, text)
    erased = [answer for answer in answers if answer != "not there"]
    return _counted(len(erased), ", ".join(sorted(set(answers))))


def _count_at_source(person: Person, source: str) -> Receipt:
    """Count the person's records at a source, which the company must delete there by hand."""
    found = sum(
        len(person.records(name, stream))
        for name, stream in person_references.streams()
        if name == source
    )
    if not found:
        return Receipt("", "nothing")
    return Receipt("", "by_hand", found, "delete there; records that still arrive do not land")


def _delete_raw(connection: Connection, person: Person, source: str, stream: str) -> Receipt:
    """Delete every version of the person's records, while no load of the stream is in progress."""
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


def _delete_rejected(connection: Connection, person: Person) -> Receipt:
    gone = 0
    for source, stream in person_references.streams():
        gone += connection.execute(
            "delete from raw.rejected_records where source = %s and stream = %s"
            " and lower(record_key) = any(%s)",
            (source, stream, person.records(source, stream)),
        ).rowcount
    for trace in sorted(person.traces):
        # The bytes may not be valid text, so they are compared escaped; ASCII case is ignored.
        gone += connection.execute(
            "delete from raw.rejected_records"
            " where position(lower(%s) in lower(encode(original, 'escape'))) > 0",
            (trace,),
        ).rowcount
    return _counted(gone)


def _scrub_files(person: Person) -> int:
    """Remove the person's addresses from reports and logs, and delete archives about them."""
    traces = [trace.encode() for trace in sorted(person.traces, key=len, reverse=True)]
    pattern = re.compile(b"|".join(map(re.escape, traces)), re.IGNORECASE) if traces else None
    changed = 0
    for path in _texts(var_dir()):
        content = path.read_bytes()
        cleaned = pattern.sub(person_tables.ERASED.encode(), content) if pattern else content
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
        if top.name in SKIPPED_FOLDERS:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            is_text = path.suffix in (".log", ".json", ".jsonl", ".html", ".txt", ".sql", ".csv")
            if is_text and path.is_file() and path.stat().st_size <= MAX_TEXT_BYTES:
                yield path


def _finish(connection: Connection, request: Request, person: Person, at: datetime) -> None:
    """Check for remaining rows while no run can write, then delete the stored ids."""
    with connection.transaction():
        for work in ("activation", "build"):
            locks.take_turn(connection, work)
            if not locks.wait_for_holders(connection, work, WAIT_SECONDS):
                raise RetryLater(
                    "privacy: a run is in progress and may write the person again. Try again when "
                    "it has ended. The request stays in the queue."
                )
        left = person_tables.left(connection, person)
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
        # The steps of these stores run again in the next try.
        connection.execute(
            "delete from privacy.receipts where request_id = %s and store = any(%s)",
            (request.request_id, list(left)),
        )
        raise GateFailed(
            f"privacy: request {request.request_id}: rows of the person are left in "
            f"{', '.join(left)}, written during the erasure. Run `rapport privacy work` again."
        )
