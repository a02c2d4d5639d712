"""Customers, money, support and campaigns against pandas, on the random people."""

import numpy as np
import pandas as pd
import pytest

from .conftest import Connection, read, staged
from .crowd import AS_OF, ZONE
from .hours import open_minutes


def paid_orders(crowd: Connection) -> pd.DataFrame:
    orders = staged(crowd, "orders", "ordered_at").query("status == 'paid'")
    orders["amount"] = orders.amount.astype(float)
    orders["month"] = [day.replace(day=1) for day in orders.day]
    orders["cohort"] = orders.groupby("customer_id").month.transform("min")
    return orders


def sessions(crowd: Connection) -> pd.DataFrame:
    events = staged(crowd, "web_events", "occurred_at").sort_values(["occurred_at", "event_id"])
    gap = events.groupby("customer_id").occurred_at.diff() > pd.Timedelta(minutes=30)
    events["session"] = gap.groupby(events.customer_id).cumsum()
    found = events.groupby(["customer_id", "session"]).agg(
        started_at=("occurred_at", "min"),
        day=("day", "first"),
        medium=("utm_medium", "first"),
        campaign=("utm_campaign", "first"),
        purchases=("event_name", lambda names: (names == "purchase").sum()),
        pages=("event_name", lambda names: names.isin(["page_view", "product_view"]).sum()),
        carts=("event_name", lambda names: (names == "add_to_cart").sum()),
        looked=("event_name", lambda names: (names == "product_view").any()),
    )
    found["channel"] = found.medium.map({"cpc": "paid", "email": "email"}).fillna("direct")
    return found.reset_index()


def test_retention_equals_pandas(crowd: Connection) -> None:
    orders = paid_orders(crowd)
    sizes = orders.groupby("cohort").customer_id.nunique()
    active = orders.groupby(["cohort", "month"]).customer_id.nunique()
    ours = read(crowd, "select * from build.mart_retention_monthly")
    assert set(ours.cohort_month) == set(sizes.index)
    for row in ours.itertuples():
        assert row.customers == sizes[row.cohort_month]
        assert row.active_customers == active.get((row.cohort_month, row.month), 0)
    assert (ours[ours.month_number == 0].retention_rate == 1).all()


def test_realised_clv_equals_pandas_and_keeps_currencies_apart(crowd: Connection) -> None:
    orders = paid_orders(crowd)
    sizes = orders.groupby("cohort").customer_id.nunique()
    ours = read(
        crowd,
        "select distinct on (cohort_month, currency) * from build.mart_clv_monthly"
        " order by cohort_month, currency, month_number desc",
    )
    spent = orders.groupby(["cohort", "currency"]).amount.sum()
    assert len(ours) == len(spent) > 8
    for row in ours.itertuples():
        expected = spent[row.cohort_month, row.currency] / sizes[row.cohort_month]
        assert float(row.realised_clv) == pytest.approx(expected, abs=1e-4)


def test_average_order_values_and_billing_equal_pandas(crowd: Connection) -> None:
    expected = paid_orders(crowd).groupby(["day", "currency"]).amount.mean()
    ours = read(crowd, "select * from build.mart_revenue_daily where orders > 0 order by 1, 2")
    assert np.allclose(ours.average_order_value.astype(float), expected, atol=1e-4)
    euros = ours[ours.currency == "EUR"]
    assert (euros.revenue_in_company_currency == euros.revenue).all()
    assert ours[ours.currency == "USD"].revenue_in_company_currency.isna().all()
    payments = staged(crowd, "payments", "attempted_at")
    sign = payments.status.map({"succeeded": 1, "failed": 0, "refunded": -1})
    net = (payments.amount.astype(float) * sign).groupby(payments.day).sum()
    ours = read(crowd, "select * from build.mart_billing_daily order by 1")
    assert np.allclose(ours.net_received.astype(float), net)
    assert (net < 0).any(), "a day on which more was refunded than received"


@pytest.mark.parametrize("basis", ["contractual", "non_contractual"])
def test_revenue_churn_equals_pandas(crowd: Connection, basis: str) -> None:
    if basis == "contractual":
        spans = staged(crowd, "subscriptions", "started_at").query("status != 'trialing'")
        spans["ended_at"] = pd.to_datetime(spans.cancelled_at, utc=True)
    else:
        spans = paid_orders(crowd).rename(columns={"ordered_at": "started_at"})
        spans["ended_at"] = spans.started_at + pd.Timedelta(days=90)
    spans["amount"] = spans.amount.astype(float).fillna(0)
    spans["currency"] = spans.currency.fillna("XXX")

    def held(moment: pd.Timestamp) -> pd.DataFrame:
        return spans[(spans.started_at < moment) & ~(spans.ended_at < moment)]

    ours = read(crowd, f"select * from build.mart_revenue_churn_monthly where basis = '{basis}'")
    assert len(ours) >= 6
    for row in ours.itertuples():
        start = pd.Timestamp(str(row.month), tz=ZONE)
        end = min(
            (pd.Timestamp(str(row.month)) + pd.offsets.MonthBegin(1)).tz_localize(ZONE), AS_OF
        )
        before, after = held(start), held(end)
        gone = before[~before.customer_id.isin(after.customer_id)]
        for ours_value, frame in ((row.revenue_at_start, before), (row.churned, gone)):
            expected = frame[frame.currency == row.currency].amount.sum()
            assert float(ours_value) == pytest.approx(expected, abs=1e-6), row.month


def test_business_minutes_equal_an_opening_by_opening_count(crowd: Connection) -> None:
    ours = read(
        crowd,
        "select *, created_at + full_resolution_minutes * interval '1 minute' as resolved_at"
        " from build.fct_conversations",
    )
    assert set(ours.schedule) == {"chat", "office"}
    checked = 0
    for row in ours.itertuples():
        for end, minutes in (
            (row.first_replied_at, row.first_reply_business_minutes),
            (row.resolved_at, row.full_resolution_business_minutes),
        ):
            if pd.isna(end):
                assert minutes is None
                continue
            begin, end = pd.Timestamp(row.created_at), pd.Timestamp(end)
            if end > AS_OF:
                continue
            assert float(minutes) == pytest.approx(open_minutes(row.schedule, begin, end), abs=0.01)
            checked += 1
    assert checked > 300


def test_support_rates_and_backlog_equal_pandas(crowd: Connection) -> None:
    tickets = staged(crowd, "conversations", "created_at")
    solved = tickets.full_resolution_minutes.notna()
    talks = read(crowd, "select * from build.fct_conversations").set_index("conversation_id")
    ours_too = tickets.conversation_id.map(talks.is_outbound).fillna(False).astype(bool)
    one_touch = (tickets.replies == 1) & (tickets.reopens == 0) & solved & ~ours_too
    ours = read(crowd, "select * from build.mart_reply_times_daily where conversations > 0")
    assert ours.one_touch.sum() == one_touch.sum() > 0
    assert ours.one_touch_by_vendor.sum() == ((tickets.replies < 2) & solved).sum()
    assert ours.silent_solves.sum() == ((tickets.replies == 0) & solved).sum() > 0
    by_day = solved.groupby(tickets.day).sum()
    assert ours.set_index("created_date").resolved.to_dict() == by_day.to_dict()
    backlog = read(crowd, "select * from build.mart_backlog_daily order by 1")
    closed = pd.to_datetime(tickets.solved_at, utc=True).dt.tz_convert(ZONE).dt.date
    for row in backlog.itertuples():
        still_open = (tickets.day <= row.metric_date) & ~(closed <= row.metric_date)
        assert row.open_at_end == still_open.sum(), row.metric_date


def test_promises_are_broken_by_what_took_or_takes_too_long(crowd: Connection) -> None:
    ours = read(
        crowd, "select * from build.fct_conversations where is_first_reply_late is not null"
    )
    allowed = ours.priority.map({"urgent": 60, "normal": 540})
    replied = ours.first_replied_at.notna()
    took = ours[replied].first_reply_business_minutes.astype(float)
    assert (ours[replied].is_first_reply_late == (took > allowed[replied])).all()
    assert ours[~replied].is_first_reply_late.all() and (~replied).any()
    assert ours.is_first_reply_late.nunique() == 2


def test_the_response_rate_is_answers_by_those_who_were_asked(crowd: Connection) -> None:
    ratings = read(
        crowd, "select payload ->> 'score' as score from raw.zendesk__satisfaction_ratings"
    )
    ours = read(crowd, "select * from build.mart_csat_daily where scale = 'good_bad'")
    asked = ratings.score.isin(["offered", "good", "bad"]).sum()
    answered = ratings.score.isin(["good", "bad"]).sum()
    rates = ours.response_rate.astype(float) * ours.invited
    assert (ours.invited.sum(), round(rates.sum())) == (asked, answered)
    stars = read(crowd, "select * from build.mart_csat_daily where scale = '1-5'")
    assert stars.invited.isna().all() and stars.response_rate.isna().all()


def test_channels_equal_pandas(crowd: Connection) -> None:
    visits = sessions(crowd)
    grouped = visits.groupby(["day", "channel"])
    ours = read(crowd, "select * from build.mart_channels_daily order by 1, 2")
    assert ours.sessions.tolist() == grouped.size().tolist()
    bought = grouped.purchases.apply(lambda purchases: (purchases > 0).mean())
    assert np.allclose(ours.conversion_rate.astype(float), bought, atol=1e-6)
    engaged = ((visits.pages > 1) | (visits.carts > 0) | (visits.purchases > 0)).groupby(
        [visits.day, visits.channel]
    )
    assert ours.engaged_sessions.tolist() == engaged.sum().tolist()


def test_attribution_equals_pandas(crowd: Connection) -> None:
    visits = sessions(crowd).query("channel != 'direct'")
    credit: dict[str, dict[str, float]] = {"first_touch": {}, "last_touch": {}}
    for order in paid_orders(crowd).itertuples():
        age = order.ordered_at - visits.started_at
        near = visits[
            (visits.customer_id == order.customer_id)
            & (age >= pd.Timedelta(0))
            & (age < pd.Timedelta(days=30))
        ].sort_values("started_at")
        for model, place in (("first_touch", 0), ("last_touch", -1)):
            campaign = near.campaign.iloc[place] if len(near) else "(none)"
            credit[model][campaign] = credit[model].get(campaign, 0) + 1
    ours = read(
        crowd,
        "select model, campaign, sum(orders)::int as orders from build.mart_attribution_daily"
        " group by model, campaign",
    )
    for row in ours.itertuples():
        assert row.orders == credit[row.model][row.campaign]
    assert set(ours.campaign) == {"brand", "spring", "(none)"}


def test_the_funnel_equals_pandas(crowd: Connection) -> None:
    orders = paid_orders(crowd).groupby("customer_id").size()
    visits = (
        sessions(crowd).groupby("customer_id").agg(looked=("looked", "max"), carts=("carts", "sum"))
    )
    people = read(crowd, "select customer_id from build.dim_customers").customer_id
    depth = pd.Series(1, index=people)
    depth[depth.index.isin(visits[visits.looked].index)] = 2
    depth[depth.index.isin(visits[visits.carts > 0].index)] = 3
    depth[depth.index.isin(orders.index)] = 4
    depth[depth.index.isin(orders[orders > 1].index)] = 5
    ours = read(
        crowd, "select place, sum(customers)::int as n from build.mart_funnel_monthly group by 1"
    )
    for row in ours.itertuples():
        assert row.n == (depth >= row.place).sum()


def test_self_service_equals_pandas(crowd: Connection) -> None:
    events = staged(crowd, "web_events", "occurred_at")
    tickets = staged(crowd, "conversations", "created_at")
    spoken = tickets[["customer_id", "created_at"]]
    events = events.sort_values("occurred_at")
    gap = events.groupby("customer_id").occurred_at.diff() > pd.Timedelta(minutes=30)
    events["session"] = gap.groupby(events.customer_id).cumsum()
    views = events.event_name.isin(["page_view", "product_view"])
    events["is_help"] = events.path.fillna("").str.startswith("/help") & views
    visits = events.groupby(["customer_id", "session"]).agg(
        started_at=("occurred_at", "min"), day=("day", "first"), is_help=("is_help", "any")
    )
    helped = visits[visits.is_help].reset_index().groupby(["day", "customer_id"]).started_at.min()
    alone = 0
    for (_, customer), start in helped.items():
        after = spoken[spoken.customer_id == customer].created_at - start
        alone += not ((after >= pd.Timedelta(0)) & (after < pd.Timedelta(hours=24))).any()
    ours = read(crowd, "select * from build.mart_self_service_daily")
    assert (ours.help_seekers.sum(), ours.helped_themselves.sum()) == (len(helped), alone)
    assert 0 < alone < len(helped)


@pytest.mark.parametrize("dimension", ["country", "plan", "cohort"])
def test_slices_equal_pandas(crowd: Connection, dimension: str) -> None:
    answers = staged(crowd, "survey_responses", "responded_at").query("metric == 'nps'")
    answers["worth"] = [100 if s >= 9 else -100 if s <= 6 else 0 for s in answers.score]
    customers = read(
        crowd,
        "select customer_id, country, plan, to_char(first_ordered_at"
        " at time zone 'Europe/Berlin', 'YYYY-MM') as cohort from build.dim_customers",
    ).set_index("customer_id")
    answers["slice"] = answers.customer_id.map(customers[dimension])
    expected = answers.groupby(["day", "slice"]).worth.agg(["count", "mean"])
    ours = read(
        crowd,
        "select * from build.mart_metrics_by_slice_daily where metric = 'nps'"
        f" and dimension = '{dimension}' order by metric_date, slice",
    )
    assert len(ours) > 100
    assert ours.n.tolist() == expected["count"].tolist()
    assert np.allclose(ours.average.astype(float), expected["mean"], atol=1e-4)


def test_what_is_reconciled_differs_where_it_says_so(crowd: Connection) -> None:
    ours = read(crowd, "select * from build.mart_reconciliation_daily where source = 'zendesk'")
    both = ours.dropna(subset=["ours", "theirs"])
    assert (both.difference == both.ours - both.theirs).all()
    assert (ours.explanation.notna() == ~(ours.difference == 0)).all()
    past = both[both.date < (AS_OF - pd.Timedelta(days=4)).date()]  # no reply is in the future
    same = past[past.metric.isin(["conversations", "first_reply_minutes", "reopens"])]
    assert len(same) > 300 and (same.difference == 0).all()
    assert (both[both.metric == "first_reply_business_minutes"].difference != 0).any()
