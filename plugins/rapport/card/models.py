"""The data model of the card. `rapport card --json` prints an `Answer`.

Times are in UTC. Amounts are decimal numbers, which JSON holds as text.

>>> Answer.model_json_schema()["title"]
'Answer'
"""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """The base of all parts of the card: no extra fields, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Block(Part):
    """The base of all blocks of the card: their sources and freshness.

    `fresh_as_of` is the time of the last good load of the oldest source. It is None if there is no
    source, or if one has had no good load yet.
    """

    sources: list[str]
    fresh_as_of: datetime | None
    is_stale: bool


class GoldenValue(Part):
    """A golden field with its source and the time at which that source last changed the record."""

    name: str
    value: str
    source: str | None
    as_of: datetime | None


class Who(Block):
    """Who the customer is. `contact` is empty if contact details were not requested."""

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
    """`total` counts all orders; `latest` holds the latest ones."""

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
    """A product. `views` and `cart_adds` count from the first view on."""

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
    """The last `days` days before the run. A cancelled order does not count as bought.

    `sessions` and `products` (viewed but not bought) count all; the lists hold the latest ones.
    """

    days: int
    sessions: int
    products: int
    latest_sessions: list[Session]
    products_not_bought: list[Product]
    categories_not_bought: list[Category]


class Prediction(Part):
    """One prediction about the customer. It is stale if the last fit of its model failed."""

    name: str
    value: str
    detail: str | None
    is_stale: bool


class Next(Block):
    """What the customer may do next. `facts` has only the models that published a prediction."""

    is_available: bool
    message: str
    facts: list[Prediction]


class Permission(Part):
    """The current consent for one channel and purpose."""

    channel: str
    purpose: str
    is_granted: bool
    since: datetime | None
    source: str | None
    policy_version: str | None


class Suppression(Part):
    """A destination reports that the customer must not receive messages."""

    destination: str
    kind: str
    channel: str
    since: datetime


class Consent(Block):
    """Consent of the customer. A purpose without an entry in `permissions` is not granted."""

    permissions: list[Permission]
    suppressions: list[Suppression]


class ListEntry(Part):
    """A segment's list at one destination: when the customer was sent, or why not.

    `refused_because` is the destination's reason for refusing the newest change.
    """

    destination: str
    is_sent: bool
    sent_at: datetime | None
    not_sent_because: str | None
    refused_because: str | None


class Membership(Part):
    """A membership. `frozen_because` is the reason if the last run froze the segment."""

    segment: str
    since: datetime
    arm: str
    frozen_because: str | None
    lists: list[ListEntry]


class Segments(Block):
    memberships: list[Membership]


class Profile(Part):
    """A profile of the customer. It is not certain if only a probable match links it."""

    source: str
    profile_id: str
    since: datetime
    is_certain: bool = True


class Identity(Block):
    """The customer's profiles. `former_ids` are earlier customer ids that now mean this one."""

    profiles: list[Profile]
    former_ids: list[str]


class Card(Part):
    """The card. `as_of` is the time of the published run.

    `nights_behind` counts later runs that ended without a publication.
    """

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
    """One of several customers who were found."""

    customer_id: str
    full_name: str | None
    country: str | None
    sources: list[str]
    last_seen_at: datetime | None


class Answer(Part):
    """The customers found, and the card if it is exactly one. `total` may exceed `matches`."""

    total: int
    matches: list[Match]
    card: Card | None
