"""The card as a window of 80 columns for a terminal.

What a customer wrote is never markup and never a control sequence here.

>>> plain("[red]hi[/red]" + chr(27) + "[2J" + chr(10))
'[red]hi[/red] [2J '
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rapport.card.models import Answer, Block, Card, Did, Doing, Identity, Segments, Who

GOOD, BAD, QUIET = "green", "bold red", "dim"


def render(answer: Answer) -> RenderableType:
    """The card, or the customers who may be meant."""
    if answer.card is not None:
        return _card(answer.card)
    table = _table("customer", "name", "country", "known to", "last seen")
    for match in answer.matches:
        cells = (match.customer_id, match.full_name, match.country, ", ".join(match.sources))
        table.add_row(*map(_cell, (*cells, _day(match.last_seen_at))))
    return Group(Text(f"{answer.total} customers may be meant. Ask again with an id:"), table)


def _card(card: Card) -> RenderableType:
    parts: list[RenderableType] = [_headline(card), *_who(card.who)]
    parts += _did(card.did)
    parts += _doing(card.doing)
    parts += [_heading("May do next", card.next), _line(card.next.message, QUIET)]
    parts += _consent(card)
    parts += _segments(card.segments)
    parts += _identity(card.identity)
    return Group(*parts)


def _headline(card: Card) -> RenderableType:
    values = {value.name: value.value for value in card.who.contact}
    names = (values.get("first_name"), values.get("last_name"))
    name = values.get("full_name") or " ".join(part for part in names if part)
    text = Text(plain(name or card.customer_id), style="bold")
    text.append(f"\n{card.customer_id}, night of {_time(card.as_of)}, all times UTC", "not bold")
    if card.nights_behind:
        text.append(f"\n{card.nights_behind} later nights were not published", BAD)
    return Panel(text, expand=True)


def _who(who: Who) -> Iterable[RenderableType]:
    yield _heading("Who", who)
    table = _table("", "", "from", "as of")
    table.show_header = False
    for value in who.contact:
        if value.name not in ("first_name", "last_name", "full_name"):
            cells = (value.name, value.value, value.source, _day(value.as_of))
            table.add_row(*map(_cell, cells))
    place = ", ".join(part for part in (who.city, who.country) if part)
    work = ", ".join(part for part in (who.job_title, who.company_name) if part)
    plan = " ".join(part for part in (who.plan, who.subscription_status) if part)
    facts = {
        "place": place,
        "language": who.language,
        "work": work,
        "stage": who.lifecycle_stage,
        "plan": plan,
        "seen": f"{_day(who.first_seen_at)} to {_time(who.last_seen_at)}",
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(*map(_cell, (name, fact, "", "")))
    yield _indented(table)


def _did(did: Did) -> Iterable[RenderableType]:
    orders = did.orders
    paid = ", ".join(f"{_money(sum_.amount, sum_.currency)} paid" for sum_ in orders.revenue)
    yield _heading("Did: orders", orders, _count(orders.total, paid))
    table = _table("ordered", "product", "category", "quantity", "amount", "status")
    for order in orders.latest:
        amount, quantity = _money(order.amount, order.currency), _number(order.quantity)
        cells = (_time(order.ordered_at), order.product, order.category, quantity, amount)
        table.add_row(*map(_cell, (*cells, order.status)))
    yield from _shown(table, len(orders.latest), orders.total)

    subscriptions = did.subscriptions
    yield _heading("Did: subscriptions", subscriptions, _count(subscriptions.total))
    table = _table("plan", "status", "price", "started", "renews", "ended")
    for item in subscriptions.latest:
        days = (_day(item.started_at), _day(item.renews_at), _day(item.ended_at))
        price = _money(item.amount, item.currency)
        table.add_row(*map(_cell, (item.plan, item.status, price, *days)))
    yield from _shown(table, len(subscriptions.latest), subscriptions.total)

    payments = did.payments
    failed = f"{payments.failed} failed" if payments.failed else ""
    yield _heading("Did: payments", payments, _count(payments.total, failed))
    table = _table("tried", "amount", "status", "reason")
    for payment in payments.latest:
        amount = _money(payment.amount, payment.currency)
        status = _cell(payment.status, BAD if payment.status == "failed" else "")
        moment = _cell(_time(payment.attempted_at))
        table.add_row(moment, _cell(amount), status, _cell(payment.failure_reason))
    yield from _shown(table, len(payments.latest), payments.total)

    conversations = did.conversations
    open_ = f"{conversations.open} open" if conversations.open else ""
    yield _heading("Did: conversations", conversations, _count(conversations.total, open_))
    table = _table("opened", "status", "priority", "rating", "subject")
    for talk in conversations.latest:
        status = _cell(talk.status, BAD if talk.is_open else "")
        cells = (talk.priority, talk.rating, talk.subject or f"no. {talk.conversation_id}")
        table.add_row(_cell(_time(talk.created_at)), status, *map(_cell, cells))
    yield from _shown(table, len(conversations.latest), conversations.total)

    answers = did.survey_answers
    yield _heading("Did: survey answers", answers, _count(answers.total))
    table = _table("answered", "question", "score", "is", "comment")
    for reply in answers.latest:
        score = f"{_number(reply.score)} of {reply.scale}"
        cells = (reply.metric.upper(), score, reply.score_group, reply.comment)
        table.add_row(*map(_cell, (_time(reply.responded_at), *cells)))
    yield from _shown(table, len(answers.latest), answers.total)


def _doing(doing: Doing) -> Iterable[RenderableType]:
    days = f"last {doing.days} days"
    yield _heading("Doing: visits", doing, f"{doing.sessions} in the {days}")
    table = _table("began", "minutes", "pages", "carts", "bought", "landed on", "campaign")
    for visit in doing.latest_sessions:
        counts = (visit.minutes, visit.page_views, visit.cart_adds, visit.purchases)
        cells = (*map(str, counts), visit.landing_path, visit.utm_campaign)
        table.add_row(*map(_cell, (_time(visit.started_at), *cells)))
    yield from _shown(table, len(doing.latest_sessions), doing.sessions)

    yield _heading("Doing: looked at and did not buy", doing, days)
    table = _table("last look", "product", "category", "looks", "carts")
    for product in doing.products_not_bought:
        counts = (product.views, product.cart_adds)
        cells = (_time(product.last_viewed_at), product.product_id, product.category)
        table.add_row(*map(_cell, (*cells, *map(str, counts))))
    yield from _shown(table, len(doing.products_not_bought))
    if doing.categories_not_bought:
        names = ", ".join(item.category for item in doing.categories_not_bought)
        yield _line(f"nothing bought in: {names}")


def _consent(card: Card) -> Iterable[RenderableType]:
    yield _heading("Consent", card.consent)
    table = _table("channel", "purpose", "", "since", "from", "policy")
    for word in card.consent.permissions:
        granted = _cell("yes", GOOD) if word.is_granted else _cell("no", BAD)
        cells = (_time(word.since), word.source, word.policy_version)
        table.add_row(_cell(word.channel), _cell(word.purpose), granted, *map(_cell, cells))
    yield from _shown(table, len(card.consent.permissions))
    for told in card.consent.suppressions:
        message = f"{told.destination} says: {told.kind} ({told.channel})"
        yield _line(f"{message} since {_time(told.since)}", BAD)


def _segments(segments: Segments) -> Iterable[RenderableType]:
    yield _heading("Segments", segments, _count(len(segments.memberships)))
    table = _table("segment", "since", "list", "sent, or why not")
    for membership in segments.memberships:
        own = (_cell(membership.segment), _cell(_day(membership.since)))
        lists = [
            (
                _cell(entry.destination),
                _cell(f"sent {_time(entry.sent_at)}", GOOD)
                if entry.is_sent
                else _cell(entry.not_sent_because),
            )
            for entry in membership.lists
        ]
        for place, entry in enumerate(lists or [(_cell(""), _cell("on no list yet"))]):
            table.add_row(*(own if place == 0 else (_cell(""), _cell(""))), *entry)
        if membership.frozen_because:
            table.add_row(_cell(""), _cell(""), _cell("frozen"), _cell(membership.frozen_because))
    yield from _shown(table, len(segments.memberships))


def _identity(identity: Identity) -> Iterable[RenderableType]:
    yield _heading("Identity", identity, _count(len(identity.profiles), "", "records"))
    table = _table("from", "record", "since")
    for profile in identity.profiles:
        table.add_row(*map(_cell, (profile.source, profile.profile_id, _day(profile.since))))
    yield from _shown(table, len(identity.profiles))
    if identity.former_ids:
        yield _line(f"earlier ids that lead here: {', '.join(identity.former_ids)}")


def plain(value: str) -> str:
    """One line that a terminal prints as it is: whatever controls the terminal becomes a space."""
    return "".join(character if character.isprintable() else " " for character in value)


def _heading(title: str, block: Block, what: str = "") -> Text:
    text = Text("\n").append(title, "bold cyan").append(f"  {what}" if what else "")
    if block.sources:
        night = _time(block.fresh_as_of) if block.fresh_as_of else "never whole"
        text.append(f"  {', '.join(block.sources)}, fresh as of {night}", QUIET)
    if block.is_stale:
        text.append("  STALE", BAD)
    return text


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=QUIET)
    for column in columns:
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    return table


def _shown(table: Table, shown: int, total: int = 0) -> Iterable[RenderableType]:
    yield _indented(table) if shown else _line("nothing known", QUIET)
    if shown and total > shown:
        yield _line(f"and {total - shown} more", QUIET)


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2))


def _line(text: str, style: str = "") -> Padding:
    return _indented(Text(plain(text), style=style))


def _cell(value: str | None, style: str = "") -> Text:
    return Text(plain(value or ""), style=style)


def _count(total: int, what: str = "", noun: str = "") -> str:
    return ", ".join(part for part in (f"{total} {noun}".strip(), what) if part)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "unknown"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def _money(amount: Decimal | None, currency: str | None) -> str:
    return f"{amount:,.2f} {currency or ''}".strip() if amount is not None else ""


def _number(value: Decimal | None) -> str:
    return f"{value.normalize():f}" if value is not None else "?"
