"""Consents that went missing: a record that is gone is not a no.

What `marts.dim_consents` said last is kept in `activation.consents_seen`. Where more of the yeses
to a purpose by a channel are gone tonight than `consent_loss_share` allows, something broke or was
turned off: they are marked as lost, and nobody is taken off for them without approval. A single
missing yes counts as withdrawn. A no that went missing is still a no, until a record says
otherwise.
"""

import logging
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation_options import ActivationOptions

log = logging.getLogger(__name__)

MANY = 1000  # new rows, after which the planner has to look at the table again

_FOLLOW_MERGES = """
with moved as (
    delete from activation.consents_seen as old using identity.aliases as alias
    where alias.alias_id = old.customer_id and alias.customer_id <> old.customer_id
    returning alias.customer_id, old.channel, old.purpose, old.is_granted, old.lost_since
)
insert into activation.consents_seen
select distinct on (customer_id, channel, purpose) * from moved
order by customer_id, channel, purpose, is_granted
on conflict (customer_id, channel, purpose) do update
set is_granted = consents_seen.is_granted and excluded.is_granted
"""
_MISSING = """
create temp table missing on commit drop as
select seen.customer_id, seen.channel, seen.purpose
from activation.consents_seen as seen
where seen.is_granted and seen.lost_since is null
    and not exists (
        select from marts.dim_consents as word
        where word.customer_id = seen.customer_id
            and word.channel = seen.channel and word.purpose = seen.purpose
    )
"""
# By channel and purpose, so that the loss of a small one does not drown in the others.
_LOST = """
select channel, purpose, gone.yeses
from (select channel, purpose, count(*) as yeses from missing group by 1, 2) as gone
inner join (
    select channel, purpose, count(*) as yeses from activation.consents_seen
    where is_granted group by 1, 2
) as granted using (channel, purpose)
where gone.yeses > 1 and gone.yeses > {share} * granted.yeses
    or not exists (select from marts.dim_consents)
"""
_MARK = """
update activation.consents_seen as seen set lost_since = %(as_of)s from missing
where (seen.customer_id, seen.channel, seen.purpose)
    = (missing.customer_id, missing.channel, missing.purpose)
    and missing.channel = %(channel)s and missing.purpose = %(purpose)s
"""
_FORGET = """
delete from activation.consents_seen as seen using missing
where (seen.customer_id, seen.channel, seen.purpose)
    = (missing.customer_id, missing.channel, missing.purpose)
    and seen.lost_since is null
"""
_REMEMBER = """
merge into activation.consents_seen as seen
using marts.dim_consents as word
on (seen.customer_id, seen.channel, seen.purpose)
    = (word.customer_id, word.channel, word.purpose)
when matched and (seen.is_granted <> word.is_granted or seen.lost_since is not null) then
    update set is_granted = word.is_granted, lost_since = null
when not matched then
    insert values (word.customer_id, word.channel, word.purpose, word.is_granted, null)
"""


def look_for_losses(
    connection: psycopg.Connection, options: ActivationOptions, as_of: datetime
) -> int:
    """Bring `activation.consents_seen` up to date; how many yeses were marked as lost tonight."""
    with connection.transaction():
        connection.execute(_FOLLOW_MERGES)
        connection.execute("drop table if exists pg_temp.missing")
        connection.execute(_MISSING)
        lost = connection.execute(
            sql.SQL(_LOST).format(share=options.consent_loss_share)
        ).fetchall()
        for channel, purpose, yeses in lost:
            log.error(
                "%d consents to %s by %s are gone at once: nobody is taken off for it",
                yeses, purpose, channel,
            )  # fmt: skip
            names = {"as_of": as_of, "channel": channel, "purpose": purpose}
            connection.execute(_MARK, names)
        connection.execute(_FORGET)
        if connection.execute(_REMEMBER).rowcount >= MANY:
            connection.execute("analyze activation.consents_seen")
    return sum(yeses for _, _, yeses in lost)
