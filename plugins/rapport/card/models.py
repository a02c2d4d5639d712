"""The card as data; `rapport card --json` prints an `Answer`. Times are UTC, amounts are text.

>>> Answer.model_json_schema()["title"]
'Answer'
"""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A piece of the card: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Block(Part):
    """Something said about the customer, and how much it is worth.

    `fresh_as_of` is the last good night of the source that is furthest behind; None where one of
    them never had a good night, or there is none.
    """

    sources: list[str]
    fresh_as_of: datetime | None
    is_stale: bool


class GoldenValue(Part):
    """A golden value with its source and the time when that source last changed the record."""

    name: str
    value: str
    source: str | None
    as_of: datetime | None


class Who(Block):
    """`contact` is empty where contact details were not asked for."""

    contact: list[GoldenValue]
    country: str | None
    city: str | None
    language: str | None
    company_name: str | None
    job_title: str | None
    lifecycle_stage: str | None
    plan: str | None
    subscription_status: str | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None


class Order(Part):
    source: str
    order_id: str
    ordered_at: datetime | None
    status: str
    amount: Decimal | None
    currency: str
    quantity: Decimal | None
    product: str | None
    category: str | None


class Revenue(Part):
    """Paid orders in one currency."""

    currency: str
    orders: int
    amount: Decimal


class Orders(Block):
    """`total` counts all orders, `latest` shows some."""

    total: int
    revenue: list[Revenue]
    latest: list[Order]


class Payment(Part):
    source: str
    payment_id: str
    subscription_id: str | None
    attempted_at: datetime | None
    status: str
    amount: Decimal | None
    currency: str | None
    failure_reason: str | None


class Payments(Block):
    total: int
    failed: int
    latest: list[Payment]


class Subscription(Part):
    source: str
    subscription_id: str
    plan: str | None
    status: str
    is_active: bool
    started_at: datetime | None
    ended_at: datetime | None
    renews_at: datetime | None
    amount: Decimal | None
    currency: str | None


class Subscriptions(Block):
    total: int
    latest: list[Subscription]


class Conversation(Part):
    source: str
    conversation_id: str
    status: str
    is_open: bool
    priority: str | None
    channel: str | None
    subject: str | None
    created_at: datetime | None
    updated_at: datetime | None
    first_reply_minutes: Decimal | None
    reopens: int | None
    rating: str | None


class Conversations(Block):
    """Open ones come first."""

    total: int
    open: int
    latest: list[Conversation]


class SurveyAnswer(Part):
    source: str
    response_id: str
    question_id: str
    survey_name: str | None
    metric: str
    scale: str
    score: Decimal | None
    score_group: str | None
    comment: str | None
    responded_at: datetime | None


class SurveyAnswers(Block):
    total: int
    latest: list[SurveyAnswer]


class Did(Part):
    orders: Orders
    payments: Payments
    subscriptions: Subscriptions
    conversations: Conversations
    survey_answers: SurveyAnswers


class Session(Part):
    source: str
    started_at: datetime
    minutes: int
    page_views: int
    cart_adds: int
    purchases: int
    landing_path: str | None
    referrer: str | None
    utm_campaign: str | None


class Product(Part):
    """`views` and `cart_adds` count from the first look on."""

    product_id: str
    category: str | None
    last_viewed_at: datetime
    views: int
    cart_adds: int


class Category(Part):
    category: str
    last_viewed_at: datetime
    products: int
    views: int


class Doing(Block):
    """The last `days` days before the run; bought means that an order was not cancelled.

    `sessions` and `products` (looked at and not bought) count all, the lists show the latest.
    """

    days: int
    sessions: int
    products: int
    latest_sessions: list[Session]
    products_not_bought: list[Product]
    categories_not_bought: list[Category]


class Prediction(Part):
    """One thing that the customer may do, in words; stale where its parameters are old."""

    name: str
    value: str
    detail: str | None
    is_stale: bool


class Next(Block):
    """What the customer may do next; `facts` leaves out where a model abstains."""

    is_available: bool
    message: str
    facts: list[Prediction]


class Permission(Part):
    """The last word about one channel and purpose."""

    channel: str
    purpose: str
    is_granted: bool
    since: datetime | None
    source: str | None
    policy_version: str | None


class Suppression(Part):
    """A tool says that the customer must not be written to."""

    destination: str
    kind: str
    channel: str
    since: datetime


class Consent(Block):
    """No entry in `permissions` means that nobody granted anything."""

    permissions: list[Permission]
    suppressions: list[Suppression]


class ListEntry(Part):
    """A segment's list at one tool: on it since, or the reason why not.

    `refused_because` is what the tool says to the newest change, which it did not take.
    """

    destination: str
    is_sent: bool
    sent_at: datetime | None
    not_sent_because: str | None
    refused_because: str | None


class Membership(Part):
    """`frozen_because` says why the newest run left the segment unchanged."""

    segment: str
    since: datetime
    arm: str
    frozen_because: str | None
    lists: list[ListEntry]


class Segments(Block):
    memberships: list[Membership]


class Profile(Part):
    """A vendor's record that belongs to the customer; by a probable match only if not certain."""

    source: str
    profile_id: str
    since: datetime
    is_certain: bool = True


class Identity(Block):
    """`former_ids` are customer ids of earlier runs that lead here."""

    profiles: list[Profile]
    former_ids: list[str]


class Card(Part):
    """`as_of` is the published run; `nights_behind` later runs ended without a publication."""

    customer_id: str
    as_of: datetime
    nights_behind: int
    who: Who
    did: Did
    doing: Doing
    next: Next
    consent: Consent
    segments: Segments
    identity: Identity


class Match(Part):
    """One of several customers whom the question may mean."""

    customer_id: str
    full_name: str | None
    country: str | None
    sources: list[str]
    last_seen_at: datetime | None


class Answer(Part):
    """Who was found; the card where it is exactly one. `total` may exceed the matches shown."""

    total: int
    matches: list[Match]
    card: Card | None
