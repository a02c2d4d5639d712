"""The blocks "Consent", "Segments" and "Identity" of the card.

>>> consent(connection, ["c_1"], freshness).permissions[0].is_granted  # doctest: +SKIP
True
"""

from datetime import datetime

from rapport.card.data_age import Freshness
from rapport.card.models import (
    Consent,
    Identity,
    ListEntry,
    Membership,
    Permission,
    Profile,
    Segments,
    Suppression,
)
from rapport.card.rows import Connection, one, rows
from rapport.identity.contact_keys import masked


def consent(connection: Connection, ids: list[str], freshness: Freshness) -> Consent:
    """The current consent by channel and purpose, and the suppressions at the destinations.

    `ids` are the customer's id and their former ids, which a destination may still use.
    """
    values = {"id": ids[0], "ids": ids}
    return Consent(
        **freshness.of("consent_events"),
        permissions=rows(connection, Permission, PERMISSIONS, values),
        suppressions=rows(connection, Suppression, SUPPRESSIONS, values),
    )


def segments(connection: Connection, customer_id: str, as_of: datetime) -> Segments:
    """The segments that the customer is in, and the state of each list."""
    evaluated = one(connection, "select max(as_of) as as_of from segments.sizes", {}).get("as_of")
    found = connection.execute(MEMBERSHIPS, {"id": customer_id}).fetchall()
    memberships = [
        Membership(
            segment=segment,
            since=since,
            arm=arm,
            frozen_because=frozen_because,
            lists=rows(connection, ListEntry, LISTS, {"id": customer_id, "segment": segment}),
        )
        for segment, since, arm, frozen_because in found
    ]
    return Segments(
        sources=["segments"],
        fresh_as_of=evaluated,
        is_stale=evaluated is None
        or evaluated < as_of
        or any(membership.frozen_because for membership in memberships),
        memberships=memberships,
    )


def identity(
    connection: Connection, customer_id: str, freshness: Freshness, *, with_contact: bool
) -> Identity:
    """The customer's profiles and former ids. Ids that are an address are masked by default."""
    values = {"id": customer_id}
    profiles = rows(connection, Profile, PROFILES, values)
    if not with_contact:
        profiles = [
            profile.model_copy(update={"profile_id": masked(profile.profile_id)})
            for profile in profiles
        ]
    return Identity(
        **freshness.of_sources(profile.source for profile in profiles),
        profiles=profiles,
        former_ids=[row[0] for row in connection.execute(FORMER_IDS, values)],
    )


PERMISSIONS = """
select channel, purpose, is_granted, changed_at as since, source, policy_version
from marts.dim_consents
where customer_id = %(id)s
order by channel, purpose
"""

SUPPRESSIONS = """
select destination, kind, channel, min(since) as since
from activation.suppressions
where lifted_at is null and customer_id = any(%(ids)s)
group by destination, kind, channel
order by destination, kind, channel
"""

MEMBERSHIPS = """
select membership.segment, membership.entered_at, membership.arm, sizes.frozen_because
from segments.membership
left join (
    select distinct on (segment) segment, frozen_because
    from segments.sizes
    order by segment, as_of desc
) as sizes using (segment)
where membership.customer_id = %(id)s and membership.left_at is null
order by membership.segment
"""

LISTS = """
select
    destination,
    coalesce(ledger.state = 'sent', false) as is_sent,
    ledger.last_sent_at as sent_at,
    coalesce(not_sent.reason, rejected.reason, nullif(ledger.state, 'sent')) as not_sent_because,
    rejected.reason as refused_because
from (
    select * from activation.ledger where customer_id = %(id)s and segment = %(segment)s
) as ledger
full join (
    select * from activation.not_sent where customer_id = %(id)s and segment = %(segment)s
) as not_sent using (destination)
full join (
    select * from activation.rejected where customer_id = %(id)s and segment = %(segment)s
) as rejected using (destination)
order by destination
"""

PROFILES = """
select
    split_part(profile_id, ':', 1) as source, profile_id, as_of as since,
    not is_probable as is_certain
from identity.members
where
    region_key in (
        select members.region_key
        from identity.aliases
        inner join identity.profiles on aliases.anchor_profile_id = profiles.profile_id
        inner join identity.members using (profile_key)
        where aliases.alias_id = %(id)s
    )
    and customer_id = %(id)s
order by profile_id
"""

FORMER_IDS = """
select alias_id from identity.aliases
where customer_id = %(id)s and alias_id <> customer_id
order by since desc, alias_id
"""
