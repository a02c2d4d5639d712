"""People who unsubscribed, complained, bounced or were deleted at a destination, and until when.

An unsubscribe and a complaint hold for every customer who ever offered the address, a bounce for
whom it is the address that is written to. That a tool no longer says it lifts nothing:

- a complaint or an unsubscribe ends once the tool no longer says it and every yes that the customer
  has for the channel is newer: a newer yes must not bring an older one back;
- a bounce ends by a newer yes too, or once the tool says it of another of their addresses only;
- a deletion ends once the tool holds the person again, under our id.

>>> merge(connection, "intercom", as_of)  # doctest: +SKIP
{'unsubscribed': 31}
"""

from datetime import datetime
from typing import Any

import psycopg


def merge(connection: psycopg.Connection[Any], destination: str, as_of: datetime) -> dict[str, int]:
    """Bring `activation.suppressions` to what `told` and `addressees` say; counts by kind."""
    values = {"destination": destination, "as_of": as_of}
    connection.execute(SAID)
    connection.execute("analyze said")
    connection.execute(ADD, values)
    connection.execute(LIFT, values)
    return dict(connection.execute(COUNTS, values).fetchall())


# By our id, or by an address; `is_current` where it is about the address that is written to.
SAID = """
drop table if exists pg_temp.said;
create temp table said on commit drop as
select customer_id, kind, channel, bool_or(is_current or kind <> 'bounced') as is_current
from (
    select coalesce(alias.customer_id, told.external_id) as customer_id, told.kind, told.channel,
        true as is_current
    from told
    left join identity.aliases as alias on alias.alias_id = told.external_id
    where told.external_id is not null
    union all
    select addressees.customer_id, told.kind, told.channel, addressees.is_golden
    from told
    cross join lateral (values (told.email), (told.phone)) as address (told)
    inner join addressees on addressees.told = address.told
) as found
group by customer_id, kind, channel
"""

ADD = """
insert into activation.suppressions as known
select %(destination)s, customer_id, kind, channel, %(as_of)s from said where is_current
on conflict (destination, customer_id, kind, channel) do update
    set lifted_at = null, since = excluded.since
    where known.lifted_at is not null
"""

# What stands under a former id of a customer is theirs.
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
    left join said on said.customer_id = standing.now_id and said.kind = standing.kind
        and said.channel = standing.channel
    left join lateral (
        select min(changed_at) as oldest
        from marts.dim_consents as word
        where word.customer_id = standing.now_id and word.channel = standing.channel
            and word.is_granted
            and (word.purpose <> 'service' or standing.kind <> 'unsubscribed')
    ) as yes on true
    where said.is_current is not true and case standing.kind
        when 'deleted' then exists (
            select from there where there.external_id in (standing.now_id, standing.customer_id)
        )
        when 'bounced' then said.customer_id is not null or yes.oldest > standing.since
        else yes.oldest > standing.since
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
