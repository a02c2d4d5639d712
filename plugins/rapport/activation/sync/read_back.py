"""Reading a list back: compare the list at the destination with the ledger.

A destination may accept a row and drop it later, somebody may take a tag off by hand, and a ledger
may be lost with its disk. Each list is read back every `read_back_days`, on a day of its own, and
at once where the ledger has nobody on it. Nothing is written to the destination: people missing
there are marked in the ledger and sent again, and people unknown to the ledger are added to it, so
that the plan keeps them or takes them off. If half of the list is gone, the pull stops.

This module alone writes the table `activation.list_checks`.

>>> is_due("postbox", "buyers", datetime(2026, 3, 1), days=1)
True
"""

import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import psycopg
from psycopg import sql

from rapport.activation import ledger, sync_runs
from rapport.errors import GateFailed
from rapport.vendors.destination import Audience, Contact, Destination

log = logging.getLogger(__name__)

CHUNK = 5000

LISTED = """
create temp table listed on commit drop as
select distinct on (1)
    coalesce(alias.customer_id, answer.external_id) as customer_id, answer.remote_id
from answered as answer
left join identity.aliases as alias on alias.alias_id = answer.external_id
where answer.external_id is not null
order by 1, alias.customer_id = answer.external_id desc, answer.remote_id
"""
MISSING = """
create temp table missing on commit drop as
select ledger.customer_id from activation.ledger
where destination = %(destination)s and segment = %(segment)s and state = 'sent'
    and last_sent_at < %(as_of)s
    and not exists (select from listed where listed.customer_id = ledger.customer_id)
    and not exists (select from answered where answered.remote_id = ledger.remote_id)
"""
NOTE = """
insert into activation.list_checks values
    (%(destination)s, %(segment)s, %(as_of)s, %(at_tool)s, %(missing)s, %(unknown)s)
on conflict (destination, segment) do update set as_of = excluded.as_of,
    at_tool = excluded.at_tool,
    missing = excluded.missing + case
        when list_checks.as_of = excluded.as_of then list_checks.missing else 0 end,
    unknown = excluded.unknown + case
        when list_checks.as_of = excluded.as_of then list_checks.unknown else 0 end
"""


@dataclass(frozen=True, slots=True)
class Check:
    """How many people are at the destination, missing there, or there and not in the ledger."""

    at_tool: int
    missing: int
    unknown: int


def is_due(destination: str, segment: str, as_of: datetime, days: int) -> bool:
    """Whether it is this list's day; lists are spread over the days, and 0 days mean never."""
    if days == 0:
        return False
    return (as_of.toordinal() + zlib.crc32(f"{destination}/{segment}".encode())) % days == 0


def read_back(
    connection: psycopg.Connection,
    destination: Destination,
    audience: Audience,
    as_of: datetime,
    days: int = 0,
) -> Check | None:
    """Compare one list; None where it is not due, or where the destination cannot list it.

    Raises `GateFailed` where half of the list is gone at once: the connection may point to another
    workspace.
    """
    row = connection.execute(
        "select exists (select from activation.ledger where destination = %s and segment = %s)",
        (destination.name, audience.key),
    ).fetchone()
    knows_anybody = bool(row and row[0])
    if knows_anybody and not is_due(destination.name, audience.key, as_of, days):
        return None
    held = destination.members(audience)
    if held is None:
        return None
    at_tool = _copy(connection, held)
    names: dict[str, object] = {
        "destination": destination.name, "segment": audience.key, "as_of": as_of
    }  # fmt: skip
    with connection.transaction():
        connection.execute(LISTED)
        connection.execute("create index on listed (customer_id)")
        connection.execute("analyze listed")
        missing = connection.execute(MISSING, names).rowcount
        if missing:
            _refuse_mass_loss(connection, missing, names)
            ledger.send_again(connection, names, sql.Identifier("missing"))
        unknown = ledger.learn(connection, names, sql.Identifier("listed"))
        if unknown and not knows_anybody:
            sync_runs.note_recovery(connection, destination.name, audience.key, as_of, unknown)
        if at_tool or knows_anybody:
            connection.execute(
                NOTE, {**names, "at_tool": at_tool, "missing": missing, "unknown": unknown}
            )
    if missing or unknown:
        log.warning(
            "%s/%s, read back: %d sent people are missing, %d people were not in the ledger; "
            "the plan of this run corrects both",
            destination.name, audience.key, missing, unknown,
        )  # fmt: skip
    return Check(at_tool, missing, unknown)


def _copy(connection: psycopg.Connection, held: Iterable[Contact]) -> int:
    """Copy everybody on the list into `answered`, with no transaction open while listing."""
    connection.execute("drop table if exists pg_temp.answered")
    connection.execute("create temp table answered (remote_id text, external_id text)")
    source, count = iter(held), 0
    while chunk := list(islice(source, CHUNK)):
        with connection.cursor().copy("copy answered from stdin") as copy:
            for contact in chunk:
                copy.write_row((plain(contact.remote_id), plain(contact.external_id)))
        count += len(chunk)
    connection.execute("create index on answered (remote_id)")
    connection.execute("analyze answered")
    return count


def plain(value: str | None) -> str | None:
    """The text without NUL, which some destinations send and Postgres cannot store."""
    return value and value.replace("\x00", "")


def _refuse_mass_loss(
    connection: psycopg.Connection, missing: int, names: dict[str, object]
) -> None:
    """Raise `GateFailed` where half of the list is gone."""
    row = connection.execute(
        "select count(*) from activation.ledger where destination = %(destination)s"
        " and segment = %(segment)s and state = 'sent'",
        names,
    ).fetchone()
    assert row is not None
    if missing >= 10 and missing * 2 > row[0]:
        raise GateFailed(
            f"{names['destination']}/{names['segment']}: {missing} of {row[0]} people that we sent "
            "are off the list at once. Nobody is sent again. Check that the connection points to "
            "the right workspace, and that the list was not deleted there."
        )
