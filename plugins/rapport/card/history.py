"""The block "Did" of the card: orders, payments, subscriptions, conversations, survey answers.

>>> did(connection, "c_1", freshness, with_contact=False).orders.total  # doctest: +SKIP
2
"""

from rapport.card.data_age import Freshness
from rapport.card.models import (
    Conversation,
    Conversations,
    Did,
    Order,
    Orders,
    Payment,
    Payments,
    Revenue,
    Subscription,
    Subscriptions,
    SurveyAnswer,
    SurveyAnswers,
)
from rapport.card.rows import Connection, one, rows

SHOWN = 10


def did(
    connection: Connection, customer_id: str, freshness: Freshness, *, with_contact: bool
) -> Did:
    """The latest `SHOWN` of each kind. Free text is personal data and read only `with_contact`."""
    values = {"id": customer_id, "shown": SHOWN}
    conversations = CONVERSATIONS + (SUBJECTS if with_contact else NO_SUBJECTS)
    answers = ANSWERS + (COMMENTS if with_contact else NO_COMMENTS)
    return Did(
        orders=Orders(
            **freshness.of("orders"),
            **one(connection, ORDER_COUNTS, values),
            revenue=rows(connection, Revenue, REVENUE, values),
            latest=rows(connection, Order, ORDERS, values),
        ),
        payments=Payments(
            **freshness.of("payments"),
            **one(connection, PAYMENT_COUNTS, values),
            latest=rows(connection, Payment, PAYMENTS, values),
        ),
        subscriptions=Subscriptions(
            **freshness.of("subscriptions"),
            **one(connection, SUBSCRIPTION_COUNTS, values),
            latest=rows(connection, Subscription, SUBSCRIPTIONS, values),
        ),
        conversations=Conversations(
            **freshness.of("conversations"),
            **one(connection, CONVERSATION_COUNTS, values),
            latest=rows(connection, Conversation, conversations, values),
        ),
        survey_answers=SurveyAnswers(
            **freshness.of("survey_responses"),
            **one(connection, ANSWER_COUNTS, values),
            latest=rows(connection, SurveyAnswer, answers, values),
        ),
    )


ORDER_COUNTS = "select count(*) as total from marts.fct_orders where customer_id = %(id)s"

REVENUE = """
select
    currency,
    count(*) filter (where status = 'paid' and coalesce(amount, 0) >= 0) as orders,
    coalesce(sum(amount), 0) as amount
from marts.fct_orders
where customer_id = %(id)s and (status = 'paid' or (status = 'refunded' and amount < 0))
group by currency
order by orders desc, currency
"""

ORDERS = """
select
    source, order_id, ordered_at, status, amount, currency, quantity,
    coalesce(product_name, product_id) as product, category
from marts.fct_orders
where customer_id = %(id)s
order by ordered_at desc nulls last, source, order_id
limit %(shown)s
"""

PAYMENT_COUNTS = """
select count(*) as total, count(*) filter (where status = 'failed') as failed
from marts.fct_payments
where customer_id = %(id)s
"""

PAYMENTS = """
select
    source, payment_id, subscription_id, attempted_at, status, amount, currency, failure_reason
from marts.fct_payments
where customer_id = %(id)s
order by attempted_at desc nulls last, source, payment_id
limit %(shown)s
"""

SUBSCRIPTION_COUNTS = (
    "select count(*) as total from marts.fct_subscriptions where customer_id = %(id)s"
)

SUBSCRIPTIONS = """
select
    source, subscription_id, plan, status, is_active, started_at, ended_at, renews_at, amount,
    currency
from marts.fct_subscriptions
where customer_id = %(id)s
order by is_active desc, started_at desc nulls last, source, subscription_id
limit %(shown)s
"""

CONVERSATION_COUNTS = """
select count(*) as total, count(*) filter (where is_open) as open
from marts.fct_conversations
where customer_id = %(id)s
"""

CONVERSATIONS = """
with latest as (
    select
        source, conversation_id, status, is_open, priority, channel, created_at, updated_at,
        first_reply_minutes, reopens, rating
    from marts.fct_conversations
    where customer_id = %(id)s
    order by is_open desc, created_at desc nulls last, source, conversation_id
    limit %(shown)s
)
"""

ANSWER_COUNTS = (
    "select count(*) as total from marts.fct_survey_responses where customer_id = %(id)s"
)

ANSWERS = """
with latest as (
    select
        source, response_id, question_id, survey_name, metric, scale, score, score_group,
        responded_at
    from marts.fct_survey_responses
    where customer_id = %(id)s
    order by responded_at desc nulls last, source, response_id, question_id
    limit %(shown)s
)
"""

SUBJECTS = """
select latest.*, words.subject
from latest
left join marts_pii.fct_conversation_subjects as words using (source, conversation_id)
order by is_open desc, latest.created_at desc nulls last, source, conversation_id
"""

NO_SUBJECTS = """
select latest.*, null as subject
from latest
order by is_open desc, created_at desc nulls last, source, conversation_id
"""

COMMENTS = """
select latest.*, words.comment
from latest
left join marts_pii.fct_survey_comments as words using (source, response_id, question_id)
order by latest.responded_at desc nulls last, source, response_id, question_id
"""

NO_COMMENTS = """
select latest.*, null as comment
from latest
order by responded_at desc nulls last, source, response_id, question_id
"""
