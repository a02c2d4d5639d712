"""The pull: who unsubscribed, bounced, complained or was deleted at a destination.

It runs before the plan, so that no list has a customer whom its destination suppresses. Lists that
are due are read back here too. This module alone writes the table `activation.pulls`.

>>> pull_destination(connection, definitions, destination, as_of)  # doctest: +SKIP
{'unsubscribed': 31, 'read_back': 120}
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice

import psycopg

from rapport.activation.segments.declarations import Definitions
from rapport.activation.sync import address_owners, suppressions
from rapport.activation.sync.read_back import Check, plain, read_back
from rapport.errors import GateFailed
from rapport.identity.rules import Rules
from rapport.vendors.destination import Audience, Contact, Destination

CHUNK = 5000


def pull_destination(
    connection: psycopg.Connection,
    definitions: Definitions,
    destination: Destination,
    as_of: datetime,
    read_back_days: int = 0,
    *,
    region: str = "DE",
    rules: Rules | None = None,
) -> dict[str, int]:
    """Bring `activation.suppressions` to what the destination reports now; counts by kind.

    `region` and `rules` say how identity reads addresses. The counts of lists that were read back
    are `read_back`, `missing` and `unknown`, where they are not 0.
    """
    _copy_contacts(connection, destination.contacts())
    deletions_refused: GateFailed | None = None
    with connection.transaction():
        _make_reports(connection)
        if destination.lists_everybody:
            try:
                _find_deleted(connection, destination.name)
            except GateFailed as error:
                deletions_refused = error
        address_owners.find(connection, region=region, rules=rules)
        counts = suppressions.merge(connection, destination.name, as_of)
    if deletions_refused is not None:
        # The other suppressions count all the same.
        raise deletions_refused
    for segment in definitions.segments.values():
        if destination.name in segment.destinations:
            audience = Audience(segment.key, segment.name, segment.channel, segment.purpose)
            check = read_back(connection, destination, audience, as_of, read_back_days)
            if check is not None:
                counts.update(_sum(counts, check))
    return counts


def _sum(counts: dict[str, int], check: Check) -> dict[str, int]:
    """The counts with those of one more list."""
    more = {"read_back": check.at_tool, "missing": check.missing, "unknown": check.unknown}
    return {name: counts.get(name, 0) + n for name, n in more.items() if n}


def note(
    connection: psycopg.Connection, destination: str, as_of: datetime, problem: str | None
) -> None:
    """Record how the pull went: where it failed, the plan adds nobody at the destination."""
    connection.execute(
        "insert into activation.pulls values (%s, %s, %s) on conflict (destination)"
        " do update set as_of = excluded.as_of, problem = excluded.problem",
        (destination, as_of, problem),
    )


def _find_deleted(connection: psycopg.Connection, destination: str) -> None:
    """Report as deleted whom the ledger has and the destination no longer has, under either id."""
    row = connection.execute(
        """
        select count(*) filter (where contacts.remote_id is null), count(*)
        from (select distinct remote_id from activation.ledger
            where destination = %s and state = 'sent' and remote_id is not null) as known
        left join contacts using (remote_id)
        """,
        (destination,),
    ).fetchone()
    assert row is not None
    gone, known = row
    if known >= 10 and gone * 2 > known:
        raise GateFailed(
            f"{destination}: {gone} of {known} contacts that we sent are gone at once. Nobody "
            "counts as deleted. Check that the connection points to the right workspace."
        )
    connection.execute(
        """
        insert into reports
        select distinct 'deleted', ledger.customer_id, null, null, 'email'
        from activation.ledger
        left join identity.aliases as alias on alias.alias_id = ledger.customer_id
        where destination = %s and state = 'sent' and remote_id is not null
            and not exists (select from contacts where contacts.remote_id = ledger.remote_id)
            -- A contact that was merged into another one is at the destination under our id.
            and not exists (
                select from contacts
                where contacts.external_id in (ledger.customer_id, alias.customer_id)
            )
        union all
        select 'deleted', suppressions.customer_id, null, null, 'email'
        from activation.suppressions
        where destination = %s and kind = 'deleted' and lifted_at is null
            and not exists (
                select from contacts where contacts.external_id = suppressions.customer_id
            )
        """,
        (destination, destination),
    )


def _copy_contacts(connection: psycopg.Connection, listed: Iterable[Contact]) -> None:
    """Copy everybody whom the destination lists into the temporary table `contacts`.

    No transaction is open while listing, which may take an hour: each chunk is a COPY of its own.
    """
    connection.execute("drop table if exists pg_temp.contacts")
    # With the collation of our ids, so that the index is used.
    connection.execute(
        'create temp table contacts (remote_id text, external_id text collate "C", email text,'
        " phone text, channel text, says text[])"
    )
    source = iter(listed)
    while chunk := list(islice(source, CHUNK)):
        with connection.cursor().copy("copy contacts from stdin") as copy:
            for contact in chunk:
                names = (contact.remote_id, contact.external_id, contact.email, contact.phone)
                copy.write_row((*map(plain, names), contact.channel, list(contact.says)))
    connection.execute("create index on contacts (remote_id)")
    connection.execute("create index on contacts (external_id)")
    connection.execute("analyze contacts")


def _make_reports(connection: psycopg.Connection) -> None:
    """Make the temporary table `reports`: the suppressions that the destination reports.

    `addressees` and `suppressions` read its columns kind, external_id (our id), email, phone and
    channel.
    """
    connection.execute("drop table if exists pg_temp.reports")
    connection.execute(
        "create temp table reports on commit drop as"
        " select unnest(says) as kind, external_id, email, phone, channel from contacts"
    )
