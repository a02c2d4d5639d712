"""The entities that datasets can be mapped to, with the kind and the meaning of each column.

`Field.kind` decides how `rapport.vendors.reading` reads a cell. The staging models, the check of
rapport.yml and the reference in docs/ follow this list.

>>> FIELDS["orders"]["amount"].kind
'number'
"""

from typing import Literal, NamedTuple

Kind = Literal[
    "id", "text", "lower", "email", "emails", "phone", "phones", "country", "currency",
    "number", "integer", "minutes", "score", "time", "date", "word",
]  # fmt: skip


class Field(NamedTuple):
    """A column of an entity: how its cells are read and what it means."""

    kind: Kind
    means: str


WHOSE = {
    "customer_id": Field("id", "the id of the person in the tool that the rows come from"),
    "user_id": Field("id", "the id of the person that all tools of the company share"),
    "email": Field("email", "an e-mail address; further addresses in the cell are kept too"),
    "phone": Field("phone", "a phone number"),
    "device_id": Field("id", "a cookie or device"),
}
FIELDS: dict[str, dict[str, Field]] = {
    "contacts": {
        "additional_emails": Field("emails", "further e-mail addresses of the person"),
        "additional_phones": Field("phones", "further phone numbers of the person"),
        "full_name": Field("text", "the whole name"),
        "first_name": Field("text", "the given name"),
        "last_name": Field("text", "the family name"),
        "birth_date": Field("date", "the day of birth, between 1880 and today"),
        "street": Field("text", "the street, with the house number as it is written"),
        "house_number": Field("id", "the house number, where it has a column of its own"),
        "postal_code": Field("id", "the postal code"),
        "city": Field("text", "the town"),
        "region": Field("text", "the state or province"),
        "country": Field("country", "the country, best as a code of two letters"),
        "company_name": Field("text", "the organisation that the person works for"),
        "company_domain": Field("lower", "the internet domain of that organisation"),
        "job_title": Field("text", "the person's job"),
        "language": Field("text", "the language to write in"),
        "lifecycle_stage": Field("lower", "lead, customer and so on"),
        "created_at": Field("time", "when the contact was created"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
    },
    "orders": {
        "order_id": Field("id", "the order; lines of one file with the same id are one order"),
        "ordered_at": Field("time", "when it was ordered"),
        "status": Field("word", "paid, refunded, cancelled or pending; without the column: paid"),
        "kind": Field("word", "sale, refund or test; a refund's amount is negative"),
        "amount": Field("number", "the amount of the row; lines of an order are added up"),
        "order_amount": Field("number", "the amount of the whole order, where it is on its lines"),
        "unit_price": Field("number", "the price of a piece, where lines have no amount"),
        "currency": Field("currency", "the currency; without the column: the company's"),
        "quantity": Field("number", "how many pieces"),
        "product_id": Field("id", "the product"),
        "product_name": Field("text", "its name"),
        "category": Field("text", "its category"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
    },
    "subscriptions": {
        "subscription_id": Field("id", "the subscription"),
        "plan": Field("text", "what is subscribed to"),
        "status": Field("word", "trialing, active, past_due or cancelled"),
        "started_at": Field("time", "when it began"),
        "cancelled_at": Field("time", "when it ended"),
        "renews_at": Field("time", "when it is charged next"),
        "amount": Field("number", "the amount of a period"),
        "currency": Field("currency", "the currency; without the column: the company's"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
    },
    "payments": {
        "payment_id": Field("id", "the payment"),
        "subscription_id": Field("id", "the subscription that it pays"),
        "status": Field("word", "succeeded, failed, refunded, pending; without it: succeeded"),
        "amount": Field("number", "the amount"),
        "currency": Field("currency", "the currency; without the column: the company's"),
        "attempted_at": Field("time", "when it was tried"),
        "failure_reason": Field("text", "why it failed"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
    },
    "conversations": {
        "conversation_id": Field("id", "the ticket or conversation"),
        "channel": Field("word", "email, chat, phone and so on"),
        "subject": Field("text", "its subject"),
        "status": Field("word", "new, open, pending, solved or closed"),
        "priority": Field("word", "urgent, high, normal or low"),
        "created_at": Field("time", "when the customer wrote"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
        "first_replied_at": Field("time", "when a person first answered"),
        "solved_at": Field("time", "when it was solved last"),
        "first_reply_minutes": Field("minutes", "minutes until the first answer"),
        "full_resolution_minutes": Field("minutes", "minutes until it was solved last"),
        "reopens": Field("integer", "how often it was opened again"),
        "replies": Field("integer", "how many answers it took"),
        "rating": Field("text", "good or bad, or the customer's words"),
        "assignee_id": Field("id", "who works on it"),
    },
    "conversation_events": {
        "event_id": Field("id", "the event: a message, a new status, or both"),
        "conversation_id": Field("id", "its conversation, of a dataset in the same namespace"),
        "author": Field("word", "customer, agent or machine; nobody by an unknown word"),
        "visibility": Field("word", "public or internal; without it: public"),
        "status": Field("word", "a new status; such a row is a message too if it has a visibility"),
        "occurred_at": Field("time", "when it happened"),
    },
    "survey_responses": {
        "response_id": Field("id", "the response"),
        "survey_id": Field("id", "the survey; without the column: the dataset"),
        "survey_name": Field("text", "its name"),
        "question_id": Field("text", "the question"),
        "metric": Field("word", "nps, csat or ces"),
        "scale": Field("text", "0-10, 1-5, 1-7 and so on; without the column: that of the metric"),
        "score": Field("score", "the answer as a number"),
        "comment": Field("text", "what the person wrote"),
        "conversation_id": Field("id", "the conversation that was asked about"),
        "responded_at": Field("time", "when the person answered"),
        "updated_at": Field("time", "when the row last changed; the newest version counts"),
    },
    "web_events": {
        "event_id": Field("id", "the event"),
        "event_name": Field("text", "what happened: page_view, purchase and so on"),
        "occurred_at": Field("time", "when it happened"),
        "url": Field("text", "the address of the page"),
        "path": Field("text", "its path; without the column: that of the address"),
        "referrer": Field("text", "the page before it"),
        "utm_source": Field("text", "the source of the visit"),
        "utm_medium": Field("text", "its medium"),
        "utm_campaign": Field("text", "its campaign"),
        "product_id": Field("id", "the product that the page shows"),
        "category": Field("text", "its category"),
        "user_agent": Field("text", "the browser"),
        "remote_host": Field("text", "the address of the visitor; only a hash of it is used"),
    },
    "consent_events": {
        "event_id": Field("id", "the event"),
        "channel": Field("word", "email, sms, push or any; without the column: any"),
        "purpose": Field("word", "marketing, feedback, service or any"),
        "status": Field("word", "granted or withdrawn; an unknown word is withdrawn"),
        "occurred_at": Field("time", "when the person said so"),
        "policy_version": Field("text", "the text that the person agreed to"),
    },
    "message_events": {
        "event_id": Field("id", "the event"),
        "message_id": Field("id", "the message"),
        "campaign": Field("text", "its campaign"),
        "channel": Field("word", "email, sms, push and so on; without the column: email"),
        "event_type": Field("word", "sent, delivered, opened, clicked, bounced and so on"),
        "occurred_at": Field("time", "when it happened"),
    },
}  # fmt: skip


def fields_of(entity: str) -> dict[str, Field]:
    """The columns that a dataset of this entity can map."""
    return {**WHOSE, **FIELDS[entity]}
