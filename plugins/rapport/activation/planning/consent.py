"""Who may be written to, as SQL that the plan and the push share, so that both ask the same.

A marketing list needs a yes, a service list only that there is no no. Whom a tool says is out
(unsubscribed, bounced, complained, deleted) is on no list of that tool; in the others, nothing is
sent to them over that channel, but service to those who only unsubscribed. A yes that went missing
together with many others (`rapport.activation.planning.lost_consents`) is no no, but nobody is
added by it.
"""

from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions

# Who must leave at once, whatever else waits; and who is not sent, but not taken off for it either.
COMPELLED = ("erasure", "no_consent", "suppressed")
HELD = ("consent_lost", "frequency_cap")
_ADDRESS = {"email": "email", "sms": "phone", "push": "user_id"}


# A list that takes nobody off for leaving keeps who was merged into somebody else: what that one
# says holds for them. A mirror takes them off in any case.
_CURRENT = "left join identity.aliases as current_id on current_id.alias_id = person.customer_id"


def permission(segment: Segment, destination: str, options: ActivationOptions) -> sql.Composed:
    """Columns and joins that tell of `person.customer_id` whether the list may hold them.

    The SQL goes between `from … as person` and `where`; it brings the aliases `word`, `seen` (what
    it said before it went missing) and `suppressed`, and `contact` for the addresses.
    """
    return sql.SQL("""
        left join marts_pii.dim_customer_contacts as contact using (customer_id)
        {current}
        left join marts.dim_consents as word
            on word.customer_id = {who}
            and word.channel = {channel} and word.purpose = {purpose}
        left join activation.consents_seen as seen
            on seen.customer_id = {who}
            and seen.channel = {channel} and seen.purpose = {purpose}
            and (seen.lost_since is not null or not seen.is_granted)
        left join (
            select distinct coalesce(alias.customer_id, told.customer_id) as customer_id
            from activation.suppressions as told
            left join identity.aliases as alias on alias.alias_id = told.customer_id
            where told.lifted_at is null and {suppression}
        ) as suppressed on suppressed.customer_id = person.customer_id
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
        suppression=_suppression(segment, destination),
    )


def refusal(segment: Segment, options: ActivationOptions) -> sql.Composed:
    """The reason why the list must not hold the person, null where it may."""
    if segment.channel == "none":
        return sql.SQL(
            "case when erased.customer_id is not null then 'erasure'"
            " when suppressed.customer_id is not null then 'suppressed' end"
        ).format()
    no_consent = (
        "not coalesce(word.is_granted, false) then"
        " case when word.customer_id is null and seen.is_granted then 'consent_lost'"
        " else 'no_consent' end"
        if getattr(options.consent, segment.purpose) == "opt_in"
        else "not coalesce(word.is_granted, seen.is_granted, true) then 'no_consent'"
    )
    return sql.SQL("""
        case
            when erased.customer_id is not null then 'erasure'
            when suppressed.customer_id is not null then 'suppressed'
            when {no_consent}
            when contact.{address} is null or contact.{address} = '' then 'no_address'
        end
    """).format(no_consent=sql.SQL(no_consent), address=sql.Identifier(_ADDRESS[segment.channel]))


def _suppression(segment: Segment, destination: str) -> sql.Composed:
    kinds = ["bounced", "complained"]
    if segment.purpose != "service":
        kinds.append("unsubscribed")
    return sql.SQL(
        "(told.destination = {destination}"
        " or (told.kind = any({kinds}) and told.channel = {channel}))"
    ).format(kinds=sql.Literal(kinds), channel=segment.channel, destination=destination)
