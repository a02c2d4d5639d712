"""Who enters a segment, who leaves it, and whose traits change, before anything is written.

>>> find_changes(connection, segment, as_of, found)  # doctest: +SKIP
Identifier('changes')
"""

from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment

_CHANGES = """
create temp table changes on commit drop as
with member as (
    select customer_id, entered_at, traits, variant, goal_at from segments.membership
    where segment = {segment} and left_at is null
),
compared as (
    select
        coalesce(found.customer_id, member.customer_id) as customer_id,
        case
            when member.customer_id is null then 'entered'
            when found.customer_id is not null or {is_in_series} then 'changed'
            else 'left'
        end as kind,
        coalesce(found.traits, member.traits) {own} as traits,
        member.traits as last_traits,
        found.stratum
    from {found} as found full join member on member.customer_id = found.customer_id
)
select customer_id, kind, traits, stratum
from compared
where kind <> 'changed' or traits <> last_traits
"""


def find_changes(
    connection: psycopg.Connection, segment: Segment, as_of: datetime, found: sql.Identifier
) -> sql.Identifier:
    """Make the temporary table of changes and return its name; it lasts for the transaction.

    `found` has the customers that the segment's SQL gives: customer_id, traits and stratum. The
    new table has one row per customer who enters, leaves or changes:

    - `customer_id`
    - `kind`: entered, changed or left
    - `traits`: what destinations get from now on, the step of a series and the variant included
    - `stratum`: the value of the segment's strata, null where it has none
    """
    connection.execute("drop table if exists pg_temp.changes")
    own: list[sql.Composable] = []
    is_in_series: sql.Composable = sql.SQL("false")
    if segment.steps:
        days = sql.SQL("({}::date - coalesce(member.entered_at, {})::date)").format(as_of, as_of)
        own.append(
            sql.SQL("|| jsonb_build_object({}, width_bucket({}, {}::integer[]))").format(
                segment.step_trait, days, list(segment.steps)
            )
        )
        is_in_series = sql.SQL("member.goal_at is null and {} <= {}").format(
            days, segment.steps[-1]
        )
    if segment.variants:
        own.append(
            sql.SQL(
                "|| case when member.variant is null then '{{}}'"
                " else jsonb_build_object({}, member.variant) end"
            ).format(segment.variant_trait)
        )
    connection.execute(
        sql.SQL(_CHANGES).format(
            segment=segment.key, found=found, is_in_series=is_in_series, own=sql.SQL(" ").join(own)
        )
    )
    connection.execute("analyze changes")
    return sql.Identifier("changes")
