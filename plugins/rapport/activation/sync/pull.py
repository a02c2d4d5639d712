"""What the tools know before we push: who unsubscribed, bounced, complained or was deleted there.

It is pulled after segments are evaluated and before the plan, so that no list holds somebody who is
out at a destination. Lists whose turn it is are read back here too.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

import psycopg

from rapport.activation.segments.declarations import Definitions
from rapport.activation.sync import addressees, suppressions
from rapport.activation.sync.read_back import Check, plain, read_back
from rapport.errors import GateFailed
from rapport.identity.rules import Rules
from rapport.vendors.destination import Audience, Contact, Destination

log = logging.getLogger(__name__)

CHUNK = 5000


def pull_destination(
    connection: psycopg.Connection,
    definitions: Definitions,
    tool: Destination,
    as_of: datetime,
    read_back_days: int = 0,
    *,
    region: str = "DE",
    rules: Rules | None = None,
) -> dict[str, int]:
    """Bring `activation.suppressions` to what the tool says now; counts by kind.

    `region` and `rules` say how identity reads the tool's addresses. Lists whose turn it is are
    read back too: `read_back`, `missing`, `unknown` where there are any.
    """
    _copy_contacts(connection, tool.contacts())
    doubt: GateFailed | None = None
    with connection.transaction():
        _tell(connection)
        if tool.lists_everybody:
            try:
                _find_deleted(connection, tool.name)
            except GateFailed as error:
                doubt = error
        addressees.find(connection, region=region, rules=rules)
        counts = suppressions.merge(connection, tool.name, as_of)
    if doubt is not None:
        # Who says no is heard all the same.
        raise doubt
    for segment in definitions.segments.values():
        if tool.name in segment.destinations:
            audience = Audience(segment.key, segment.name, segment.channel, segment.purpose)
            check = read_back(connection, tool, audience, as_of, read_back_days)
            if check is not None:
                counts.update(_sum(counts, check))
    return counts


def _sum(counts: dict[str, int], check: Check) -> dict[str, int]:
    """The counts with one more list in them."""
    more = {"read_back": check.at_tool, "missing": check.missing, "unknown": check.unknown}
    return {name: counts.get(name, 0) + n for name, n in more.items() if n}


def note(
    connection: psycopg.Connection, destination: str, as_of: datetime, problem: str | None
) -> None:
    """Remember how the pull went: the plan leaves the lists of a tool alone that did not answer."""
    connection.execute(
        "insert into activation.pulls values (%s, %s, %s) on conflict (destination)"
        " do update set as_of = excluded.as_of, problem = excluded.problem",
        (destination, as_of, problem),
    )


def _find_deleted(connection: psycopg.Connection, destination: str) -> None:
    """Contacts that the ledger knows and the tool has no more, under their id or ours."""
    row = connection.execute(
        """
        select count(*) filter (where there.remote_id is null), count(*)
        from (select distinct remote_id from activation.ledger
            where destination = %s and state = 'sent' and remote_id is not null) as known
        left join there using (remote_id)
        """,
        (destination,),
    ).fetchone()
    assert row is not None
    gone, known = row
    if known >= 10 and gone * 2 > known:
        raise GateFailed(
            f"{destination}: {gone} of {known} contacts that we sent are gone at once. Nobody is "
            "taken for deleted. Check that the connection points to the right workspace."
        )
    connection.execute(
        """
        insert into told
        select distinct 'deleted', ledger.customer_id, null, null, 'email'
        from activation.ledger
        left join identity.aliases as alias on alias.alias_id = ledger.customer_id
        where destination = %s and state = 'sent' and remote_id is not null
            and not exists (select from there where there.remote_id = ledger.remote_id)
            -- A contact that was merged into another one at the tool is there under its id.
            and not exists (
                select from there
                where there.external_id in (ledger.customer_id, alias.customer_id)
            )
        union all
        select 'deleted', suppressions.customer_id, null, null, 'email'
        from activation.suppressions
        where destination = %s and kind = 'deleted' and lifted_at is null
            and not exists (
                select from there where there.external_id = suppressions.customer_id
            )
        """,
        (destination, destination),
    )


def _copy_contacts(connection: psycopg.Connection, contacts: Iterable[Contact]) -> None:
    """`there` has everybody whom the tool listed.

    An hour of listing holds no transaction open: each few thousand contacts are a COPY.
    """
    connection.execute("drop table if exists pg_temp.there")
    connection.execute(
        "create temp table there (remote_id text, external_id text, email text, phone text,"
        " channel text, says text[])"
    )
    source = iter(contacts)
    while chunk := list(islice(source, CHUNK)):
        with connection.cursor().copy("copy there from stdin") as copy:
            for contact in chunk:
                names = (contact.remote_id, contact.external_id, contact.email, contact.phone)
                copy.write_row((*map(plain, names), contact.channel, list(contact.says)))
    connection.execute("create index on there (remote_id)")
    connection.execute("create index on there (external_id)")
    connection.execute("analyze there")


def _tell(connection: psycopg.Connection) -> None:
    """`told` has whom the tool says not to write to."""
    connection.execute("drop table if exists pg_temp.told")
    connection.execute(
        "create temp table told on commit drop as"
        " select unnest(says) as kind, external_id, email, phone, channel from there"
    )
