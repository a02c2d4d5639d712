"""Suppressions: who unsubscribed, complained, bounced or was deleted at a destination.

An unsubscribe and a complaint hold for every customer who ever offered the address. A bounce holds
for the customer whose contact has the address. A suppression does not end because the destination
no longer reports it:

- a complaint or an unsubscribe ends once it is no longer reported and every granted consent of the
  customer for the channel is newer: one newer consent must not bring an older one back;
- a bounce ends by a newer consent too, or once it is reported of another address of theirs only;
- a deletion ends once the destination has the customer again, under our id.

This module alone writes the table `activation.suppressions`.

>>> merge(connection, "postbox", as_of)  # doctest: +SKIP
{'unsubscribed': 31}
"""

from datetime import datetime
from typing import Any

import psycopg


def merge(connection: psycopg.Connection[Any], destination: str, as_of: datetime) -> dict[str, int]:
    """Bring the suppressions to what `reports` and `addressees` have; counts by kind."""
    values = {"destination": destination, "as_of": as_of}
    connection.execute(REPORTED)
    connection.execute("analyze reported")
    connection.execute(ADD, values)
    connection.execute(LIFT, values)
    return dict(connection.execute(COUNTS, values).fetchall())


# By our id or by an address. `is_current`: the report is about the address of the contact.
REPORTED = """
drop table if exists pg_temp.reported;
create temp table reported on commit drop as
select customer_id, kind, channel, bool_or(is_current or kind <> 'bounced') as is_current
from (
    select coalesce(alias.customer_id, reports.external_id) as customer_id, reports.kind,
        reports.channel, true as is_current
    from reports
    left join identity.aliases as alias on alias.alias_id = reports.external_id
    where reports.external_id is not null
    union all
    select addressees.customer_id, reports.kind, reports.channel, addressees.is_golden
    from reports
    cross join lateral (values (reports.email), (reports.phone)) as offered (address)
    inner join addressees on addressees.address = offered.address
) as found
group by customer_id, kind, channel
"""

ADD = """
insert into activation.suppressions as known
select %(destination)s, customer_id, kind, channel, %(as_of)s from reported where is_current
on conflict (destination, customer_id, kind, channel) do update
    set lifted_at = null, since = excluded.since
    where known.lifted_at is not null
"""

# A suppression under a former id belongs to the customer who has that id now.
LIFT = """
with standing as (
    select known.customer_id, known.kind, known.channel, known.since,
        coalesce(alias.customer_id, known.customer_id) as now_id
    from activation.suppressions as known
    left join identity.aliases as alias on alias.alias_id = known.customer_id
    where known.destination = %(destination)s and known.lifted_at is null
),
lifted as (
    select standing.customer_id, standing.kind, standing.channel
    from standing
    left join reported on reported.customer_id = standing.now_id and reported.kind = standing.kind
        and reported.channel = standing.channel
    left join lateral (
        select min(changed_at) as oldest
        from marts.dim_consents as consent
        where consent.customer_id = standing.now_id and consent.channel = standing.channel
            and consent.is_granted
            and (consent.purpose <> 'service' or standing.kind <> 'unsubscribed')
    ) as granted on true
    where reported.is_current is not true and case standing.kind
        when 'deleted' then exists (
            select from contacts
            where contacts.external_id in (standing.now_id, standing.customer_id)
        )
        when 'bounced' then reported.customer_id is not null or granted.oldest > standing.since
        else granted.oldest > standing.since
    end
)
update activation.suppressions as known set lifted_at = %(as_of)s
from lifted
where known.destination = %(destination)s and known.customer_id = lifted.customer_id
    and known.kind = lifted.kind and known.channel = lifted.channel
"""

COUNTS = """
select kind, count(*) from activation.suppressions
where destination = %(destination)s and lifted_at is null group by kind order by kind
"""
