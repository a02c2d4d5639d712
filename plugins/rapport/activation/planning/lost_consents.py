"""Consents that went missing: a missing record does not mean that consent was withdrawn.

The last state of `marts.dim_consents` is kept in `activation.consents_seen`, which this module
alone writes. Where more granted consents to a purpose by a channel are missing in this run than
`consent_loss_share` allows, a source broke or was turned off: they are marked as lost, and nobody
is taken off a list for them without approval. A single missing consent counts as withdrawn. A
refusal that went missing still holds until a record says otherwise.

>>> look_for_losses(connection, options, as_of)  # doctest: +SKIP
0
"""

import logging
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation_options import ActivationOptions

log = logging.getLogger(__name__)

_MOVE_MERGED = """
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
        select from marts.dim_consents as consent
        where consent.customer_id = seen.customer_id
            and consent.channel = seen.channel and consent.purpose = seen.purpose
    )
"""
# Per channel and purpose, so that the loss of a small group stands out.
_LOST = """
select channel, purpose, gone.consents
from (select channel, purpose, count(*) as consents from missing group by 1, 2) as gone
inner join (
    select channel, purpose, count(*) as consents from activation.consents_seen
    where is_granted group by 1, 2
) as granted using (channel, purpose)
where gone.consents > 1 and gone.consents > {share} * granted.consents
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
using marts.dim_consents as consent
on (seen.customer_id, seen.channel, seen.purpose)
    = (consent.customer_id, consent.channel, consent.purpose)
when matched and (seen.is_granted <> consent.is_granted or seen.lost_since is not null) then
    update set is_granted = consent.is_granted, lost_since = null
when not matched then
    insert values (
        consent.customer_id, consent.channel, consent.purpose, consent.is_granted, null)
"""


def look_for_losses(
    connection: psycopg.Connection, options: ActivationOptions, as_of: datetime
) -> int:
    """Bring `activation.consents_seen` up to date; how many consents are lost since this run."""
    with connection.transaction():
        connection.execute(_MOVE_MERGED)
        connection.execute("drop table if exists pg_temp.missing")
        connection.execute(_MISSING)
        lost = connection.execute(
            sql.SQL(_LOST).format(share=options.consent_loss_share)
        ).fetchall()
        for channel, purpose, consents in lost:
            log.error(
                "%d consents to %s by %s went missing at once: nobody is taken off a list for it",
                consents, purpose, channel,
            )  # fmt: skip
            names = {"as_of": as_of, "channel": channel, "purpose": purpose}
            connection.execute(_MARK, names)
        connection.execute(_FORGET)
        if connection.execute(_REMEMBER).rowcount:
            connection.execute("analyze activation.consents_seen")
    return sum(consents for _, _, consents in lost)
