"""What tools call the states of things, and what each word means here.

Words are compared in lower case, without a prefix such as `wc-` and with `_`, `-` and blanks as
one. `values:` of a column in rapport.yml says what a company's own words mean and comes first.

>>> meaning("orders", "status", "Partially_Refunded"), meaning("orders", "status", "wc-completed")
('paid', 'paid')
>>> meaning("subscriptions", "status", "zzz") is None, UNKNOWN["subscriptions", "status"]
(True, 'cancelled')
"""

import re
from functools import lru_cache
from typing import Any

WORDS: dict[tuple[str, str], dict[str, str]] = {
    ("orders", "status"): {
        "paid": "complete completed succeeded success fulfilled shipped delivered processing closed"
        " captured partially_refunded partially_fulfilled partial_refund settled invoiced done",
        "refunded": "refund returned chargeback charged_back credited credit_note reversed",
        "cancelled": "canceled void voided failed declined expired trash rejected abandoned deleted"
        " checkout_draft auto_draft error payment_failed disputed_lost",
        "pending": "on_hold hold authorized authorised awaiting_payment pending_payment open new"
        " draft unpaid partially_paid created unfulfilled waiting in_progress",
    },
    ("orders", "kind"): {
        "sale": "order invoice purchase charge payment normal standard false no 0 live",
        "refund": "refunded credit credit_note creditnote return returned chargeback reversal",
        "test": "true yes 1 testing sandbox demo",
    },
    ("subscriptions", "status"): {
        "trialing": "trial in_trial on_trial free_trial",
        "active": "live current non_renewing in_good_standing running enabled valid",
        "past_due": "unpaid overdue pastdue in_grace_period grace_period on_hold billing_retry",
        "cancelled": "canceled expired ended inactive terminated incomplete incomplete_expired"
        " paused"
        " suspended pending future switched deleted closed stopped lapsed churned finished"
        " completed"
        " pending_cancel_expired disabled revoked failed refunded",
    },
    ("payments", "status"): {
        "succeeded": "paid success successful captured complete completed settled approved"
        " partially_refunded",
        "refunded": "refund chargeback charged_back reversed returned disputed",
        "failed": "declined failure error rejected denied canceled cancelled void voided expired"
        " requires_payment_method uncollectible",
        "pending": "processing authorized authorised requires_action requires_capture open created"
        " in_progress requires_confirmation uncaptured",
    },
    ("conversations", "status"): {
        "new": "unassigned",
        "open": "in_progress active reopened assigned working escalated snoozed_open",
        "pending": "hold on_hold waiting waiting_on_customer waiting_on_third_party snoozed paused"
        " waiting_for_customer awaiting_reply blocked",
        "solved": "resolved done completed complete fixed",
        "closed": "archived deleted spam trash merged canceled cancelled rejected finished"
        " closed_no_action duplicate",
    },
    ("conversations", "priority"): {
        "urgent": "critical highest p1 blocker emergency",
        "high": "p2 important",
        "normal": "medium moderate standard p3",
        "low": "lowest minor p4 p5 trivial",
    },
    ("conversations", "channel"): {
        "email": "e_mail mail",
        "chat": "live_chat livechat messaging",
        "phone": "voice call telephone",
        "web": "portal web_form form website",
    },
    ("conversation_events", "author"): {
        "customer": "user end_user enduser requester client contact lead visitor incoming inbound",
        "agent": "admin staff operator support teammate representative employee assignee outgoing"
        " outbound",
        "machine": "bot system automation automatic rule trigger workflow auto_reply",
    },
    ("conversation_events", "visibility"): {
        "public": "true yes y 1 reply comment external",
        "internal": "false no n 0 private note internal_note private_note",
    },
    ("survey_responses", "metric"): {
        "nps": "net_promoter_score ltr likelihood_to_recommend recommend",
        "csat": "satisfaction customer_satisfaction",
        "ces": "effort customer_effort customer_effort_score",
    },
    ("consent_events", "status"): {
        "granted": "opt_in opted_in optin subscribed true yes y t 1 granted_explicit consented",
        "withdrawn": "opt_out opted_out optout unsubscribed false no n f 0 denied revoked cleaned"
        " bounced refused declined objected",
    },
    ("consent_events", "channel"): {
        "email": "e_mail mail newsletter email_marketing",
        "sms": "text text_message",
        "push": "push_notification web_push mobile_push app",
        "any": "all every everything global all_channels",
    },
    ("consent_events", "purpose"): {
        "marketing": "newsletter newsletters promotion promotions promotional advertising ads"
        " offers"
        " email_marketing sms_marketing marketing_email marketing_emails commercial news",
        "feedback": "survey surveys research nps csat review reviews",
        "service": "transactional support operational account contract",
        "any": "all every everything global all_purposes",
    },
    ("message_events", "channel"): {
        "email": "e_mail mail",
        "sms": "text text_message",
        "push": "push_notification web_push mobile_push",
        "in_app": "inapp in_app_message",
        "chat": "live_chat",
        "phone": "call voice",
        "whatsapp": "whats_app",
    },
    ("message_events", "event_type"): {
        "sent": "send processed queued_sent email_sent accepted",
        "delivered": "delivery email_delivered received delivered_to_recipient",
        "opened": "open opens email_opened unique_open unique_opened opened_by_proxy first_opening"
        " proxy_open machine_opened loaded_by_proxy",
        "clicked": "click clicks email_clicked unique_click link_clicked clicked_link",
        "bounced": "bounce hard_bounce soft_bounce hardbounce softbounce hard_bounced soft_bounced"
        " dropped drop undelivered failed failure email_bounced not_delivered undeliverable invalid"
        " invalid_email blocked rejected reject permanent_fail email_failed delivery_failed",
        "complained": "complaint spam spam_report spamreport spam_complaint abuse email_complained"
        " marked_as_spam",
        "unsubscribed": "unsubscribe unsub opt_out optout group_unsubscribe list_unsubscribe"
        " email_unsubscribed",
    },
}  # fmt: skip
WORDS["conversation_events", "status"] = WORDS["conversations", "status"]
# What a word means that nobody knows: the meaning that does the least harm. None: nothing.
UNKNOWN: dict[tuple[str, str], str | None] = {
    ("orders", "status"): "pending",
    ("orders", "kind"): "sale",
    ("subscriptions", "status"): "cancelled",
    ("payments", "status"): "pending",
    ("conversations", "status"): "closed",
    ("conversations", "priority"): None,
    ("conversation_events", "author"): None,
    ("conversation_events", "visibility"): "internal",
    ("conversation_events", "status"): None,
    ("consent_events", "status"): "withdrawn",
    ("consent_events", "channel"): "any",
    ("consent_events", "purpose"): "any",
    ("message_events", "event_type"): None,
}
# Which words of a column stay as they are where nobody knows them: a channel of one's own.
OPEN = {("conversations", "channel"), ("message_events", "channel")}
FOR_VENDORS = (
    ("subscriptions", "status"),
    ("payments", "status"),
    ("conversations", "priority"),
)
# What mailing tools report and no figure counts. These words are known, and mean nothing here.
WITHOUT_MEANING: dict[tuple[str, str], str] = {
    ("message_events", "event_type"): "delivery_delay delivery_delayed email_delivery_delayed"
    " deferred deferral delayed unopened not_opened unclicked not_clicked queued scheduled"
    " request requests processing email_scheduled temporary_fail resubscribed group_resubscribe",
}

_BETWEEN = re.compile(r"[\s_./-]+")


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """The word as it is compared.

    >>> plain("Closed - No Action"), plain("wc-on-hold"), plain("DeliveryDelay")
    ('closed_no_action', 'on_hold', 'delivery_delay')
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word.strip())
    return _BETWEEN.sub("_", text.casefold()).strip("_").removeprefix("wc_")


@lru_cache(maxsize=64)
def table(entity: str, column: str) -> dict[str, str]:
    """Each word as it is compared, with its meaning."""
    words = WORDS.get((entity, column), {})
    return {plain(word): meant for meant, text in words.items() for word in [meant, *text.split()]}


def meaning(entity: str, column: str, word: str) -> str | None:
    """What the word means; None where nobody knows it."""
    known, found = table(entity, column), plain(word)
    return known.get(found) or known.get(found.replace("_", ""))


def has_no_meaning(entity: str, column: str, word: str) -> bool:
    """Whether the word is known and stands for nothing that is counted."""
    return plain(word) in WITHOUT_MEANING.get((entity, column), "").split()


# Parts of an unknown word that say that somebody wants no more mail, or cannot be reached.
_REFUSALS = (
    (
        "unsubscribed",
        re.compile(
            "unsub|optout|remove|abmeld|abgemeld|d[eé]sabon|d[eé]sinscri|baja|disiscri|отпис"
        ),
    ),
    ("complained", re.compile("spam|complain|abuse|beschwerde|plainte|queja|жалоб")),
    ("bounced", re.compile("bounce|undeliver|notdeliver|invalid|reject|unzustellbar")),
)


def cautious(entity: str, column: str, word: str) -> str | None:
    """What an unknown word counts as: the meaning that does the least harm; None for nothing.

    >>> cautious("message_events", "event_type", "Clicked the opt-out link")
    'unsubscribed'
    """
    if (entity, column) == ("message_events", "event_type"):
        found = plain(word).replace("_", "")
        if found.startswith("not"):
            return None
        return next((meant for meant, parts in _REFUSALS if parts.search(found)), None)
    return UNKNOWN.get((entity, column))


def words_for_dbt() -> dict[str, Any]:
    """The words of the columns that staging models of vendors read, for the macro `meaning`."""
    return {
        f"{entity}.{column}": {"known": known, "unknown": UNKNOWN[entity, column]}
        for entity, column in FOR_VENDORS
        for known in [_by_meaning(entity, column)]
    }


def _by_meaning(entity: str, column: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, meant in table(entity, column).items():
        found.setdefault(meant, []).append(word)
    return found
