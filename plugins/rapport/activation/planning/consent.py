"""Consent: who may be on a list, as SQL that the plan and the push share.

A purpose with opt-in needs a granted consent; a purpose with opt-out needs that none was refused.
A customer whom a destination reports as unsubscribed, bounced, complained or deleted is on no list
of that destination. Bounces and complaints also hold for their channel at the other destinations,
and so do unsubscribes, except for service messages. A consent that went missing together with many
others (`rapport.activation.planning.lost_consents`) does not count as refused, but nobody is added
by it.

>>> people = sql.SQL("select {} from marts.dim_customers as person {}")
>>> people.format(refusal(target), permission(target))  # doctest: +SKIP
"""

from psycopg import sql

from rapport.activation.lists import List
from rapport.activation.segments.declarations import Segment
from rapport.identity.phone_forms import EXTENSION

# With these reasons, customers leave at once, whatever else waits.
COMPELLED = ("erasure", "no_consent", "suppressed")
# With these reasons, customers are not sent, and not taken off either.
HELD = ("consent_lost", "frequency_cap")
_ADDRESS = {"email": "email", "sms": "phone", "push": "user_id"}
# A number with an extension is behind a switchboard.
_CANNOT_GET_MESSAGES = sql.SQL("strpos(contact.phone, {}) > 0").format(EXTENSION)
# A list that is not a mirror keeps customers who were merged into another one: the consent of the
# surviving customer holds for them. A mirror takes them off in any case.
_CURRENT = "left join identity.aliases as current_id on current_id.alias_id = person.customer_id"


_SUPPRESSED = """
        left join (
            select distinct coalesce(alias.customer_id, reported.customer_id) as customer_id
            from activation.suppressions as reported
            left join identity.aliases as alias on alias.alias_id = reported.customer_id
            where reported.lifted_at is null and {suppression}
        ) as suppressed on suppressed.customer_id = person.customer_id
"""
# The same, looked up for each person: a batch must not read what is reported of everybody else.
_SUPPRESSED_OF_FEW = """
        left join lateral (
            select alias.customer_id
            from identity.aliases as alias
            inner join activation.suppressions as reported
                on reported.customer_id = alias.alias_id
            where alias.customer_id = person.customer_id and alias.alias_id <> alias.customer_id
                and reported.lifted_at is null and {suppression}
            union all
            select reported.customer_id
            from activation.suppressions as reported
            where reported.customer_id = person.customer_id
                and reported.lifted_at is null and {suppression}
                and not exists (
                    select from identity.aliases as alias
                    where alias.alias_id = reported.customer_id
                        and alias.customer_id <> reported.customer_id
                )
            limit 1
        ) as suppressed on true
"""


def permission(target: List, few: bool = False) -> sql.Composed:
    """Joins that say whether the list may have `person.customer_id`; `refusal` reads them.

    The SQL goes between `from … as person` and `where`. It brings these aliases: `consent`, `seen`
    (the consent before it went missing), `suppressed`, `erased`, and `contact` for the addresses.
    With `few`, each person is looked up by index.
    """
    segment = target.segment
    return sql.SQL("""
        left join marts_pii.dim_customer_contacts as contact using (customer_id)
        {current}
        left join marts.dim_consents as consent
            on consent.customer_id = {who}
            and consent.channel = {channel} and consent.purpose = {purpose}
        left join activation.consents_seen as seen
            on seen.customer_id = {who}
            and seen.channel = {channel} and seen.purpose = {purpose}
            and (seen.lost_since is not null or not seen.is_granted)
        {suppressed}
        left join (
            select distinct value as customer_id from privacy.subjects
            where namespace = 'customers'
        ) as erased on erased.customer_id = person.customer_id
    """).format(
        current=sql.SQL(_CURRENT if segment.mode != "mirror" else ""),
        who=sql.SQL(
            "coalesce(current_id.customer_id, person.customer_id)"
            if segment.mode != "mirror"
            else "person.customer_id"
        ),
        channel=segment.channel,
        purpose=segment.purpose,
        suppressed=sql.SQL(_SUPPRESSED_OF_FEW if few else _SUPPRESSED).format(
            suppression=_suppression(segment, target.destination)
        ),
    )


def refusal(target: List) -> sql.Composed:
    """The reason why the list must not have the person, as an expression; null where it may."""
    segment = target.segment
    if segment.channel == "none":
        return sql.SQL(
            "case when erased.customer_id is not null then 'erasure'"
            " when suppressed.customer_id is not null then 'suppressed' end"
        ).format()
    no_consent = (
        "not coalesce(consent.is_granted, false) then"
        " case when consent.customer_id is null and seen.is_granted then 'consent_lost'"
        " else 'no_consent' end"
        if getattr(target.options.consent, segment.purpose) == "opt_in"
        else "not coalesce(consent.is_granted, seen.is_granted, true) then 'no_consent'"
    )
    return sql.SQL("""
        case
            when erased.customer_id is not null then 'erasure'
            when suppressed.customer_id is not null then 'suppressed'
            when {no_consent}
            when contact.{address} is null or contact.{address} = ''
                or {cannot_get_messages} then 'no_address'
        end
    """).format(
        no_consent=sql.SQL(no_consent),
        address=sql.Identifier(_ADDRESS[segment.channel]),
        cannot_get_messages=_CANNOT_GET_MESSAGES if segment.channel == "sms" else sql.SQL("false"),
    )


def _suppression(segment: Segment, destination: str) -> sql.Composed:
    """A condition on `reported`: the suppression counts for a list of the segment."""
    kinds = ["bounced", "complained"]
    if segment.purpose != "service":
        kinds.append("unsubscribed")
    return sql.SQL(
        "(reported.destination = {destination}"
        " or (reported.kind = any({kinds}) and reported.channel = {channel}))"
    ).format(kinds=sql.Literal(kinds), channel=segment.channel, destination=destination)
