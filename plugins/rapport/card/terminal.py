"""Renders the card for a terminal, 80 columns wide.

>>> render(look_up(connection, "c_1", settings))  # doctest: +SKIP
"""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from rapport.card.layout import (
    BAD,
    GOOD,
    QUIET,
    add,
    day_of,
    heading,
    joined,
    line,
    money_of,
    number_of,
    plain,
    shown,
    styled,
    table_of,
    time_of,
)
from rapport.card.models import (
    Answer,
    Card,
    Consent,
    Conversations,
    Doing,
    Identity,
    Next,
    Orders,
    Payments,
    Segments,
    Subscriptions,
    SurveyAnswer,
    SurveyAnswers,
    Who,
)


def render(answer: Answer) -> RenderableType:
    """The card, or the list of customers if several were found."""
    if answer.card is None:
        return Group(*_matches(answer))
    card = answer.card
    return Group(
        _headline(card),
        *_who(card.who),
        *_orders(card.did.orders),
        *_subscriptions(card.did.subscriptions),
        *_payments(card.did.payments),
        *_conversations(card.did.conversations),
        *_survey_answers(card.did.survey_answers),
        *_doing(card.doing),
        *_next(card.next),
        *_consent(card.consent),
        *_segments(card.segments),
        *_identity(card.identity),
    )


def _matches(answer: Answer) -> Iterable[RenderableType]:
    yield Text(f"{answer.total} customers were found. Give the id of one of them:")
    table = table_of(
        "customer", "name", "country", "last seen", "known to", cut=("name", "known to")
    )
    for match in answer.matches:
        seen, known_to = day_of(match.last_seen_at), ", ".join(match.sources)
        add(table, match.customer_id, match.full_name, match.country, seen, known_to)
    yield from shown(table, answer.total)


def _headline(card: Card) -> RenderableType:
    values = {value.name: value.value for value in card.who.contact}
    name = values.get("full_name")
    name = name or joined(values.get("first_name"), values.get("last_name"), by=" ")
    text = Text(f"{plain(name)}\n" if name else "", style="bold")
    text.append(f"{card.customer_id}, run of {time_of(card.as_of)}, all times UTC", "not bold")
    if card.nights_behind:
        runs = "later run was" if card.nights_behind == 1 else "later runs were"
        text.append(f"\n{card.nights_behind} {runs} not published", BAD)
    return Panel(text)


def _who(who: Who) -> Iterable[RenderableType]:
    yield heading("Who", who)
    table = table_of("what", "value", "from", "as of", cut=("value",))
    table.show_header = False
    for value in who.contact:
        if not value.name.endswith("_name"):
            add(table, value.name, value.value, value.source, day_of(value.as_of))
    facts = {
        "place": joined(who.city, who.country),
        "language": who.language,
        "work": joined(who.job_title, who.company_name),
        "stage": who.lifecycle_stage,
        "plan": joined(who.plan, who.subscription_status, by=" "),
        "first seen": day_of(who.first_seen_at),
        "last seen": time_of(who.last_seen_at) if who.last_seen_at else "",
    }
    for name, fact in facts.items():
        if fact:
            add(table, name, fact, "", "")
    yield from shown(table)


def _orders(orders: Orders) -> Iterable[RenderableType]:
    paid = [f"{money_of(sum_.amount, sum_.currency)} paid" for sum_ in orders.revenue]
    yield heading("Did: orders", orders, joined(str(orders.total), *paid))
    table = table_of(
        "ordered",
        "product",
        "category",
        "quantity",
        "amount",
        "status",
        cut=("product", "category"),
    )
    for order in orders.latest:
        amount, quantity = money_of(order.amount, order.currency), number_of(order.quantity)
        what = (order.product, order.category, quantity, amount, order.status)
        add(table, time_of(order.ordered_at), *what)
    yield from shown(table, orders.total)


def _subscriptions(subscriptions: Subscriptions) -> Iterable[RenderableType]:
    yield heading("Did: subscriptions", subscriptions, str(subscriptions.total))
    table = table_of("plan", "status", "price", "started", "renews", "ended", cut=("plan",))
    for item in subscriptions.latest:
        days = (day_of(item.started_at), day_of(item.renews_at), day_of(item.ended_at))
        add(table, item.plan, item.status, money_of(item.amount, item.currency), *days)
    yield from shown(table, subscriptions.total)


def _payments(payments: Payments) -> Iterable[RenderableType]:
    failed = f"{payments.failed} failed" if payments.failed else ""
    yield heading("Did: payments", payments, joined(str(payments.total), failed))
    table = table_of("tried", "amount", "status", "reason", cut=("reason",))
    for payment in payments.latest:
        status = styled(payment.status, BAD if payment.status == "failed" else "")
        amount = money_of(payment.amount, payment.currency)
        add(table, time_of(payment.attempted_at), amount, status, payment.failure_reason)
    yield from shown(table, payments.total)


def _conversations(conversations: Conversations) -> Iterable[RenderableType]:
    still_open = f"{conversations.open} open" if conversations.open else ""
    yield heading("Did: conversations", conversations, joined(str(conversations.total), still_open))
    table = table_of(
        "opened", "status", "priority", "rating", "subject", cut=("subject", "priority")
    )
    for talk in conversations.latest:
        status = styled(talk.status, BAD if talk.is_open else "")
        subject = talk.subject or f"no. {talk.conversation_id}"
        add(table, time_of(talk.created_at), status, talk.priority, talk.rating, subject)
    yield from shown(table, conversations.total)


def _survey_answers(answers: SurveyAnswers) -> Iterable[RenderableType]:
    yield heading("Did: survey answers", answers, str(answers.total))
    table = table_of("answered", "metric", "score", "group", "comment", cut=("comment",))
    for reply in answers.latest:
        what = (reply.metric.upper(), _score(reply), reply.score_group, reply.comment)
        add(table, time_of(reply.responded_at), *what)
    yield from shown(table, answers.total)


def _score(reply: SurveyAnswer) -> str:
    if reply.score is None:
        return "off the scale"
    if reply.scale == "good_bad":
        return "good" if reply.score else "bad"
    return f"{number_of(reply.score)} ({reply.scale})"


def _doing(doing: Doing) -> Iterable[RenderableType]:
    days = f"last {doing.days} days"
    yield heading("Doing: visits", doing, f"{doing.sessions} in the {days}")
    ends = ("landed on", "campaign")
    table = table_of("began", "minutes", "pages", "carts", "bought", *ends, cut=ends)
    for visit in doing.latest_sessions:
        counts = (visit.minutes, visit.page_views, visit.cart_adds, visit.purchases)
        add(table, time_of(visit.started_at), *counts, visit.landing_path, visit.utm_campaign)
    yield from shown(table, doing.sessions)
    yield heading("Doing: looked at and did not buy", doing, days)
    table = table_of(
        "last look", "product", "category", "looks", "carts", cut=("product", "category")
    )
    for product in doing.products_not_bought:
        what = (product.product_id, product.category, product.views, product.cart_adds)
        add(table, time_of(product.last_viewed_at), *what)
    yield from shown(table, doing.products)
    if doing.categories_not_bought:
        names = ", ".join(item.category for item in doing.categories_not_bought)
        yield line(f"nothing bought in: {names}")


def _next(next_: Next) -> Iterable[RenderableType]:
    yield heading("May do next", next_)
    yield line(next_.message, QUIET)


def _consent(consent: Consent) -> Iterable[RenderableType]:
    yield heading("Consent", consent)
    table = table_of("channel", "purpose", "given", "since", "from", "policy", cut=("policy",))
    for item in consent.permissions:
        given = styled("yes", GOOD) if item.is_granted else styled("no", BAD)
        since = time_of(item.since)
        add(table, item.channel, item.purpose, given, since, item.source, item.policy_version)
    yield from shown(table)
    for one in consent.suppressions:
        since = time_of(one.since)
        yield line(
            f"suppressed at {one.destination}: {one.kind} ({one.channel}) since {since}", BAD
        )


def _segments(segments: Segments) -> Iterable[RenderableType]:
    yield heading("Segments", segments, str(len(segments.memberships)))
    table = table_of(
        "segment", "since", "list", "sent, or why not", cut=("segment", "sent, or why not")
    )
    for membership in segments.memberships:
        lists: list[tuple[str, Text]] = [
            (
                entry.destination,
                styled(f"sent {time_of(entry.sent_at)}", GOOD)
                if entry.is_sent
                else styled(entry.not_sent_because),
            )
            for entry in membership.lists
        ]
        lists += [
            ("", styled(f"refused by {entry.destination}: {entry.refused_because}", BAD))
            for entry in membership.lists
            if entry.refused_because
        ]
        if membership.frozen_because:
            lists.append(("frozen", styled(membership.frozen_because, BAD)))
        names = (membership.segment, day_of(membership.since))
        for place, entry in enumerate(lists or [("", styled("on no list yet"))]):
            add(table, *(("", "") if place else names), *entry)
    yield from shown(table)


def _identity(identity: Identity) -> Iterable[RenderableType]:
    yield heading("Identity", identity, str(len(identity.profiles)))
    table = table_of("from", "record", "since", cut=("record",))
    for profile in identity.profiles:
        record = profile.profile_id if profile.is_certain else f"{profile.profile_id} (probable)"
        add(table, profile.source, record, day_of(profile.since))
    yield from shown(table)
    if identity.former_ids:
        yield line(f"former ids of this customer: {', '.join(identity.former_ids)}")
