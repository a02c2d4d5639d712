"""Consents that went missing: a record that is gone is not a no.

What `marts.dim_consents` said last is kept in `activation.consents_seen`. Where more of the yeses
are gone tonight than `consent_loss_share` allows, something broke or was turned off: they are
marked as lost, and nobody is taken off for them without approval. A single missing yes counts as
withdrawn. A no that went missing is still a no, until a record says otherwise.
"""

import logging
from datetime import datetime

import psycopg

from rapport.activation.options import ActivationOptions

log = logging.getLogger(__name__)

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
_MARK = """
update activation.consents_seen as seen set lost_since = %s from missing
where (seen.customer_id, seen.channel, seen.purpose)
    = (missing.customer_id, missing.channel, missing.purpose)
"""
_FORGET = """
delete from activation.consents_seen as seen using missing
where (seen.customer_id, seen.channel, seen.purpose)
    = (missing.customer_id, missing.channel, missing.purpose)
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
        row = connection.execute(
            """
            select count(*), count(distinct customer_id),
                (select count(*) from activation.consents_seen where is_granted),
                exists (select from marts.dim_consents)
            from missing
            """
        ).fetchone()
        assert row is not None
        missing, people, granted, has_any = row
        is_mass = people > 1 and missing > options.consent_loss_share * granted
        is_lost = missing > 0 and (is_mass or not has_any)
        connection.execute(_MARK if is_lost else _FORGET, (as_of,) if is_lost else ())
        connection.execute(_REMEMBER)
    if not is_lost:
        return 0
    log.error("%d of %d consents are gone at once: nobody is taken off for it", missing, granted)
    return int(missing)
