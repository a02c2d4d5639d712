"""Which heading of a sample stands for which column of an entity, and which entity it is.

>>> from rapport.connectors.files.inspection.columns import look_at
>>> mapping("orders", [look_at("Bestellnummer", ["7", "8"]), look_at("Betrag", ["12,50", "3"])])
{'order_id': 'Bestellnummer', 'amount': 'Betrag'}
"""

import re
from collections.abc import Sequence

from rapport.connectors.files.inspection import translations
from rapport.connectors.files.inspection.columns import Column
from rapport.connectors.files.inspection.headings import candidates, plain_heading
from rapport.connectors.files.inspection.questions import metric_of
from rapport.connectors.files.row_keys import OBJECT_ID
from rapport.vendors import words
from rapport.vendors.entities import fields_of

# Columns that say which entity it is. The others stand in exports of many kinds.
TELLING = {
    "contacts": (
        "first_name", "last_name", "full_name", "company_name", "job_title", "lifecycle_stage",
        "city", "language", "birth_date", "street", "postal_code",
    ),
    "orders": ("order_id", "ordered_at", "order_amount", "quantity", "product_id", "unit_price"),
    "subscriptions": ("subscription_id", "plan", "renews_at", "cancelled_at", "started_at"),
    "payments": ("payment_id", "failure_reason", "attempted_at"),
    "conversations": (
        "conversation_id", "subject", "priority", "first_replied_at", "solved_at", "reopens",
    ),
    "survey_responses": ("response_id", "score", "question_id", "comment", "responded_at"),
    "web_events": ("url", "path", "referrer", "user_agent", "utm_source", "remote_host"),
    "consent_events": ("purpose", "policy_version", "status"),
    "message_events": ("event_type", "message_id", "campaign"),
}  # fmt: skip
MAIN_TIME = {
    "contacts": "created_at",
    "orders": "ordered_at",
    "subscriptions": "started_at",
    "payments": "attempted_at",
    "conversations": "created_at",
    "survey_responses": "responded_at",
    "web_events": "occurred_at",
    "consent_events": "occurred_at",
    "message_events": "occurred_at",
}
# What the name of a file says.
NAMED = {
    "contacts": "contact|customer|kunde|people|person|user|member|subscriber|audience|kontakt",
    "orders": "order|bestell|auftrag|sales|invoice|retail|rechnung|purchase|transaction|commande",
    "subscriptions": "subscription|abo(s|nn|_|$)|vertrag",
    "payments": "payment|zahlung|charge|payout",
    "conversations": "ticket|conversation|case|support|anfrage|helpdesk|issue",
    "survey_responses": "survey|nps|csat|ces(_|$)|respons|umfrage|feedback|antwort",
    "web_events": "event|visit|hit|pageview|session|clickstream",
    "consent_events": "consent|einwilligung|opt_?in|opt_?out",
    "message_events": "message|mail|campaign|newsletter|kampagne|deliver",
}
# The kinds of cells that a column of the entity can be read from.
FITTING = {
    "time": ("time",), "date": ("time",), "number": ("number",), "minutes": ("number",),
    "integer": ("number",), "score": ("number", "text", "word", "time"), "email": ("email",),
    "emails": ("email",), "phone": ("phone", "number", "text", "id", "word"),
}  # fmt: skip
_GENERIC_IDS = ("id", "key", "uuid", "guid", "nr", "no", "nummer", "number", "token")


def mapping(entity: str, columns: Sequence[Column]) -> dict[str, str]:
    """By column of the entity: the heading that stands for it best."""
    fields = fields_of(entity)
    places: dict[str, tuple[int, float, str]] = {}
    for column in columns:
        names = list(candidates(column.name).get(entity, ()))
        if plain_heading(column.name) in _GENERIC_IDS:
            names = [OBJECT_ID[entity]]
        if not names and column.kind == "email":
            names = ["email"]
        for place, name in enumerate(names):
            wanted = FITTING.get(fields[name].kind)
            if column.kind == "empty" or (wanted is not None and column.kind not in wanted):
                continue
            if name not in places or (place, -column.filled) < places[name][:2]:
                places[name] = (place, -column.filled, column.name)
            break
    mapped = {name: found[2] for name, found in places.items()}
    times = [c.name for c in columns if c.kind == "time" and c.name not in mapped.values()]
    if len(times) == 1 and MAIN_TIME[entity] not in mapped:
        mapped[MAIN_TIME[entity]] = times[0]
    return mapped


def likelihood(
    entity: str, mapped: dict[str, str], columns: Sequence[Column], file: str = ""
) -> float:
    by_name = {column.name: column for column in columns}
    total = 0.0
    for name, heading in mapped.items():
        # A heading that may stand in exports of many kinds tells little.
        is_generic = plain_heading(heading) in _GENERIC_IDS
        kinds = len(TELLING) if is_generic else len(candidates(heading)) or len(TELLING)
        is_telling = name in TELLING[entity]
        total += (3 if kinds <= 2 else 2 if kinds <= 4 else 1) if is_telling else 1
        if fields_of(entity)[name].kind == "word":
            texts = by_name[heading].texts
            known = sum(meaning_of(entity, name, text) is not None for text in texts)
            total += 2 * known / max(len(texts), 1) - 1
    if entity == "survey_responses":
        total += 3 * any(metric_of(column) for column in columns)
    if entity == "contacts" and "customer_id" in mapped:
        ids = by_name[mapped["customer_id"]].texts
        total -= 3 * (len(set(ids)) < 0.9 * len(ids))
    return total + 2 * bool(re.search(NAMED[entity], plain_heading(file)))


def meaning_of(entity: str, name: str, word: str) -> str | None:
    if (found := words.meaning(entity, name, word)) is not None:
        return found
    if words.has_no_meaning(entity, name, word):
        return ""
    return translations.meant(entity, name, word)
