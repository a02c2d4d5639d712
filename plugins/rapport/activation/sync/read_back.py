"""A list as the tool has it, beside the ledger: what was lost on either side is found here.

A tool may accept a row and drop it later; a person may take a tag off by hand; a ledger may be
gone with its disk. Each list is read back every `read_back_days`, each on a night of its own, and
at once where the ledger has nobody on it. Nothing is written to the tool: who is missing there, or
is there unknown to us, is left as an intent in the ledger, and tonight's plan decides.

>>> is_due("intercom", "buyers", datetime(2026, 3, 1), days=1)
True
"""

import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import psycopg

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
FORGET = """
update activation.ledger set state = 'sending', content_hash = null, is_uncertain = true
from missing
where destination = %(destination)s and segment = %(segment)s
    and ledger.customer_id = missing.customer_id
"""
LEARN = """
insert into activation.ledger (destination, segment, customer_id, state,
    content_hash, remote_id, first_sent_at, last_sent_at)
select %(destination)s, %(segment)s, customer_id, 'sending', md5('')::uuid, remote_id,
    %(as_of)s, %(as_of)s
from listed
on conflict do nothing
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
    """People whom we sent and the tool has not, and those whom it has and we did not know of."""

    at_tool: int
    missing: int
    unknown: int


def is_due(destination: str, segment: str, as_of: datetime, days: int) -> bool:
    """Whether it is this list's night; each list has another one, and 0 days mean never."""
    if days == 0:
        return False
    return (as_of.toordinal() + zlib.crc32(f"{destination}/{segment}".encode())) % days == 0


def read_back(
    connection: psycopg.Connection,
    tool: Destination,
    audience: Audience,
    as_of: datetime,
    days: int = 0,
) -> Check | None:
    """Compare one list; None where it is not its turn, or where the tool cannot list it.

    Raises `GateFailed` where half of the list is gone at once: that is another workspace, rather.
    """
    row = connection.execute(
        "select exists (select from activation.ledger where destination = %s and segment = %s)",
        (tool.name, audience.key),
    ).fetchone()
    knows_anybody = bool(row and row[0])
    if knows_anybody and not is_due(tool.name, audience.key, as_of, days):
        return None
    held = tool.members(audience)
    if held is None:
        return None
    at_tool = _copy(connection, held)
    names = {"destination": tool.name, "segment": audience.key, "as_of": as_of}
    with connection.transaction():
        connection.execute(LISTED)
        connection.execute("create index on listed (customer_id)")
        connection.execute("analyze listed")
        missing = connection.execute(MISSING, names).rowcount
        if missing:
            _believe(connection, missing, names)
            connection.execute(FORGET, names)
        unknown = connection.execute(LEARN, names).rowcount
        if unknown and not knows_anybody:
            _note_recovery(connection, unknown, names)
        if at_tool or knows_anybody:
            connection.execute(
                NOTE, {**names, "at_tool": at_tool, "missing": missing, "unknown": unknown}
            )
    if missing or unknown:
        log.warning(
            "%s/%s, read back: %d whom we sent are not there, %d are there whom the ledger did not "
            "have; tonight's plan puts both right",
            tool.name, audience.key, missing, unknown,
        )  # fmt: skip
    return Check(at_tool, missing, unknown)


def _copy(connection: psycopg.Connection, held: Iterable[Contact]) -> int:
    """`answered` has everybody on the list; an hour of listing holds no transaction open."""
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
    """Postgres has no NUL in a text, some tools do."""
    return value and value.replace("\x00", "")


def _believe(connection: psycopg.Connection, missing: int, names: dict[str, object]) -> None:
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


def _note_recovery(connection: psycopg.Connection, found: int, names: dict[str, object]) -> None:
    """A run that left so many on the list, so that the budget of change holds again."""
    connection.execute(
        """
        insert into activation.sync_runs
            (sync_id, sync_run_id, run_id, destination, segment, model_name, status, as_of,
             finished_at, held)
        values (%(id)s, 'read back/' || %(id)s, 'read back ' || %(as_of)s::text, %(destination)s,
            %(segment)s, 'seg_' || %(segment)s, 'success', %(as_of)s, clock_timestamp(), %(found)s)
        on conflict (run_id, destination, segment) do update set held = excluded.held
        """,
        {**names, "id": f"{names['destination']}/{names['segment']}", "found": found},
    )
