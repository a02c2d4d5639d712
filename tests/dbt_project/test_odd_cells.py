"""Odd cells of real files stay where they belong: in the facts, counted, and in no metric."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import point_to

from rapport.connectors.files.source import Files
from rapport.errors import GateFailed
from rapport.landing.ingest import ensure_tables, pull
from rapport.quality import run_gate
from rapport.settings import Settings

from .conftest import Connection, Read, prepared, read, run_dbt
from .landed import NEXT_NIGHT, NIGHT, know_everybody, land

pytestmark = pytest.mark.slow

ORDER = {"order_id": "id", "customer_id": "who", "amount": "amount", "ordered_at": "at"}
MONEY = ORDER | {"currency": "currency"}
TICKET = {
    name: name
    for name in (
        "conversation_id", "email", "created_at", "first_replied_at", "solved_at", "status",
        "first_reply_minutes", "full_resolution_minutes", "channel", "priority",
    )
}  # fmt: skip
EVENT = {
    "event_id": "id", "occurred_at": "ts", "event_name": "event", "url": "url",
    "device_id": "device", "user_id": "user", "referrer": "ref",
}  # fmt: skip
DATASETS: dict[str, tuple[str, dict[str, Any], str]] = {
    "idr": (
        "orders",
        MONEY,
        "id,who,amount,currency,at\n1,k1,1450000,IDR,2026-02-10T10:00:00Z\n",
    ),
    "years": (
        "orders",
        MONEY,
        "id,who,amount,currency,at\n"
        "1,k1,19.90,EUR,2206-02-10T10:00:00Z\n"
        "2,k2,1,EUR,9999-12-31T23:59:59-05:00\n"
        "3,k2,1,EUR,0001-01-01T00:00:00+02:00\n"
        "4,k2,,EUR,2026-02-01\n",
    ),
    "refunds": (
        "orders",
        ORDER | {"status": "status"},
        "id,who,amount,at,status\n"
        "ch_1,cus_A,100.00,2026-02-10T10:00:00Z,paid\n"
        "re_1,cus_A,-100.00,2026-02-12T10:00:00Z,paid\n"
        "ch_2,cus_B,40.00,2025-10-01T10:00:00Z,paid\n"
        "re_2,cus_B,-15.00,2026-03-20T10:00:00Z,refunded\n"
        "ch_3,cus_C,30.00,2026-02-10T10:00:00Z,refunded\n"
        "ch_4,cus_D,0,2026-02-10T10:00:00Z,paid\n"
        "re_5,cus_E,-5.00,2026-02-10T10:00:00Z,paid\n",
    ),
    "january": ("orders", ORDER, "id,who,amount,at\nA1,p,10,2026-01-10\nA2,p,20,2026-01-11\n"),
    "february": ("orders", ORDER, "id,who,amount,at\nA2,p,25,2026-02-11\nA3,p,30,2026-02-12\n"),
    "subs": (
        "subscriptions",
        {
            "subscription_id": "sub",
            "customer_id": "who",
            "status": "status",
            "started_at": "start",
            "cancelled_at": "end",
            "amount": "amount",
        },
        "sub,who,status,start,end,amount\n"
        "s1,n7,active,1900-01-01,,9\n"
        "s2,n5,active,2026-01-01,9999-12-31T23:59:59-05:00,9\n"
        "s3,n6,active,1990-01-01T00:30:00Z,,9\n",
    ),
    "answers": (
        "survey_responses",
        {
            "response_id": "id",
            "customer_id": "who",
            "metric": "metric",
            "score": "score",
            "responded_at": "at",
        },
        "id,who,metric,score,at\n"
        "1,a,nps,11,2026-03-01\n2,a,nps,-1,2026-03-01\n3,a,nps,6.5,2026-03-01\n"
        "4,a,NPS,8.5,2026-03-01\n5,a,csat,7,2026-03-01\n6,a,csat,5,2026-03-01\n"
        "7,a,ces,9,2026-03-01\n8,a,ces,7,2026-03-01\n9,a,joy,3,2026-03-01\n",
    ),
    "tickets": (
        "conversations",
        TICKET,
        ",".join(TICKET) + "\n"
        "stamps,a@b.example,2026-02-20T10:00:00Z,2026-02-20T11:00:00Z,2026-02-20T12:00:00Z,Closed,,,E-Mail,HIGH\n"
        "minutes,b@b.example,2026-02-24T15:00:00Z,,,open,12,,email,normal\n"
        "early,c@b.example,2026-02-24T15:00:00Z,2026-02-24T14:59:58Z,,open,0,,Live Chat,normal\n"
        "nearly,d@b.example,2026-02-24T15:00:00Z,2026-02-24T14:59:58Z,,open,,,Email,normal\n"
        "absurd,e@b.example,2026-02-24T15:00:00Z,2025-02-24T14:59:58Z,,open,,,email,normal\n"
        "waits,f@b.example,2026-02-24T15:00:00Z,,,open,,,email,normal\n"
        "solved,g@b.example,2026-02-24T15:00:00Z,,,solved,30,90,email,normal\n"
        "again,h@b.example,2026-02-24T15:00:00Z,2026-02-24T15:30:00Z,2026-02-24T16:00:00Z,open,,,email,normal\n"
        "logged,i@b.example,2026-02-24T15:00:00Z,,,solved,,,email,normal\n",
    ),
    "ticket_log": (
        "conversation_events",
        {
            "event_id": "n",
            "conversation_id": "ticket",
            "author": "by",
            "visibility": "kind",
            "status": "now",
            "occurred_at": "at",
        },
        "n,ticket,by,kind,now,at\n"
        "1,logged,Requester,reply,New,2026-02-24T15:00:00Z\n"
        "2,logged,Agent,note,,2026-02-24T15:10:00Z\n"
        "3,logged,The Sphinx,reply,,2026-02-24T15:12:00Z\n"
        "4,logged,Agent,,,2026-02-24T15:30:00Z\n"
        "5,logged,Customer,reply,,2026-02-24T15:40:00Z\n"
        "6,logged,Agent,reply,Resolved,2026-02-24T16:00:00Z\n"
        "7,logged,Customer,,Re-opened,2026-02-24T17:00:00Z\n"
        "8,logged,Agent,,Done,2026-02-24T18:00:00Z\n"
        "9,elsewhere,Agent,,Done,2026-02-24T18:00:00Z\n",
    ),
    "people": (
        "contacts",
        {
            "customer_id": "Nr",
            "email": "Mail",
            "street": "Straße",
            "house_number": "Hausnr",
            "postal_code": "PLZ",
            "region": "Land",
            "birth_date": {"column": "Geboren", "format": "%d.%m.%Y"},
        },
        "Nr,Mail,Straße,Hausnr,PLZ,Land,Geboren\n"
        "p1,p1@home.example,Lindenweg,12,01067,Sachsen,24.12.1980\n"
        "p2,p2@home.example,Mühlgasse 3,,10115,,31.02.1980\n"
        "p3,p3@home.example,,7,,,01.01.2099\n",
    ),
    "login": (
        "web_events",
        EVENT,
        "id,ts,event,url,device,user,ref\n"
        "1,2026-02-17T10:00:00Z,page_view,https://www.shop.example/?utm_medium=cpc,dev-1,,\n"
        "2,2026-02-17T10:04:00Z,Order Completed,https://www.shop.example/thanks,dev-1,u-1,"
        "https://checkout.stripe.com/c/pay\n"
        "3,2026-02-17T10:00:00Z,page_view,https://www.shop.example/,dev-2,,https://pay.shop-pay.example/x\n"
        "4,2026-02-17T10:00:00Z,session_start,https://www.shop.example/,dev-3,,\n",
    ),
}
GA4 = [
    ("1771322400000000", "page_view", "1.1", "https://s.example/", "(none)", "(direct)", None),
    ("1771322400000001", "view_item", "1.1", "https://s.example/p/1", None, None, "P1"),
    ("1771322400000003", "view_item", "1.1", "https://s.example/p/2", None, None, "P2"),
    ("1771322400000004", "begin_checkout", "1.1", None, None, None, "P1"),
    (
        "1771322400000000",
        "page_view",
        "2.2",
        "https://s.example/?gclid=EA",
        "organic",
        "google",
        None,
    ),
]
LOG = (
    '198.51.100.50 - - [17/Feb/2026:09:00:00 +0100] "GET /wp-login.php HTTP/1.1" 404 150 "-"'
    ' "Mozilla/5.0 (X11; Linux x86_64) Chrome/62.0"\n'
    '198.51.100.52 - - [17/Feb/2026:09:00:00 +0100] "GET /logo.png HTTP/1.1" 200 150'
    ' "https://forum.example/" "Other/1.0"\n'
)


SHARED = {"january": "shop", "february": "shop", "ticket_log": "tickets"}


def settings(folder: Path) -> Settings:
    datasets: dict[str, Any] = {}
    for name, (entity, columns, text) in DATASETS.items():
        (folder / f"{name}.csv").write_text(text)
        datasets[name] = {
            "path": str(folder / f"{name}.csv"),
            "format": "csv",
            "entity": entity,
            "key": [next(iter(columns.values()))],
            "columns": columns,
            "namespace": SHARED.get(name, name),
        }
    (folder / "ga4.json").write_text("".join(map(ga4_line, GA4)))
    datasets["ga4"] = {"path": str(folder / "ga4.json"), "format": "ga4"}
    (folder / "s.log").write_text(LOG)
    datasets["log"] = {
        "path": str(folder / "s.log"), "format": "access_log", "entity": "web_events"
    }  # fmt: skip
    return Settings.model_validate(
        {
            "company": {"timezone": "Europe/Berlin", "currency": "EUR"},
            "own_domains": ["www.shop-pay.example"],
            "sources": {"files": {"datasets": datasets}},
        }
    )


def ga4_line(event: tuple[Any, ...]) -> str:
    moment, name, who, url, medium, source, item = event
    params = {"page_location": url, "medium": medium, "source": source}
    said = {
        "event_date": "20260217", "event_timestamp": moment, "event_name": name,
        "user_pseudo_id": who, "stream_id": "2", "items": [{"item_id": item}] if item else [],
        "event_params": [
            {"key": key, "value": {"string_value": value}} for key, value in params.items() if value
        ],
    }  # fmt: skip
    return json.dumps(said) + "\n"


def build(connection: Connection, chosen: Settings, as_of: datetime) -> None:
    """A run up to the gate, with the data tests; each user id, else profile, is a customer."""
    quiet = ("--exclude-resource-type", "unit_test")
    run_dbt("build", "--select", "tag:staging", *quiet, as_of=as_of, settings=chosen)
    know_everybody(connection)
    connection.execute(
        "update identity.members set customer_id = 'c_' || left(md5(customer_id), 20)"
    )
    run_dbt("build", "--select", "tag:marts", *quiet, as_of=as_of, settings=chosen)


@pytest.fixture(scope="module")
def odd(
    postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    """Files with odd cells after a run, whose data tests and publication gate passed."""
    chosen = settings(tmp_path_factory.mktemp("odd"))

    def prepare(connection: Connection) -> None:
        ensure_tables(connection, chosen)
        pull(Files(chosen.source_options("files")), connection, run_id="r", as_of=NIGHT)
        build(connection, chosen, NIGHT)
        assert run_gate("publication", run_id="r", as_of=NIGHT)["failed"] == 0

    with prepared(postgres, template, prepare) as connection:
        yield connection


@pytest.fixture
def facts(odd: Connection) -> Read:
    return lambda query: read(odd, query)


def test_an_order_in_rupiah_is_an_order(facts: Read) -> None:
    day = facts("select * from build.mart_revenue_daily where currency = 'IDR'").iloc[0]
    assert (day.orders, int(day.revenue)) == (1, 1_450_000)
    assert facts("select * from build.data_oddities where dataset = 'idr'").empty


def test_times_out_of_range_are_facts_that_programs_can_read(facts: Read) -> None:
    orders = facts("select * from build.fct_orders where order_id like 'years:%' order by 1, 2")
    assert [str(at) for at in orders.ordered_at][:3] == [
        "2206-02-10 10:00:00+00:00", "9999-12-30 00:00:00+00:00", "0001-01-02 00:00:00+00:00",
    ]  # fmt: skip
    counted = facts(
        "select sum(orders) as orders from build.mart_revenue_daily where revenue is null"
    )
    assert counted.orders[0] == 1
    assert facts("select max(order_date) as day from build.mart_revenue_daily").day[0].year == 2026


def test_odd_values_are_counted_by_source_dataset_and_column(facts: Read) -> None:
    odd = facts(
        "select dataset, column_name, oddity, odd_rows, rows from build.data_oddities"
        " where source = 'files' order by 1, 2, 3"
    )
    assert list(odd.itertuples(index=False, name=None)) == [
        ("answers", "metric", "unknown", 1, 9),
        ("answers", "score", "off_scale", 4, 9),
        ("february, january", "order_id", "repeated", 1, 4),
        ("people", "birth_date", "unknown", 2, 3),
        ("subs", "started_at", "before_1990", 1, 3),
        ("ticket_log", "author", "unknown", 1, 9),
        ("tickets", "first_replied_at", "before_opening", 1, 9),
        ("years", "amount", "missing", 1, 4),
        ("years", "ordered_at", "before_1990", 1, 4),
        ("years", "ordered_at", "in_the_future", 2, 4),
    ]
    status = facts("select odd_values from build.data_status where source = 'files'")
    assert status.odd_values[0] == odd.odd_rows.sum()


def test_a_birth_date_is_the_day_in_the_file_and_an_odd_one_is_null(facts: Read) -> None:
    people = facts(
        "select split_part(email, '@', 1) as who, birth_date::text as birth_date, street,"
        " postal_code, region, birth_date_source, street_source from"
        " build_pii.dim_customer_contacts where email like '%@home.example' order by 1"
    ).astype(object)
    assert people.where(people.notna(), None).values.tolist() == [
        ["p1", "1980-12-24", "Lindenweg 12", "01067", "Sachsen", "files", "files"],
        ["p2", None, "Mühlgasse 3", "10115", None, None, "files"],
        ["p3", None, None, None, None, None, None],
    ]


def test_the_same_id_in_two_datasets_of_a_namespace_is_one_order(facts: Read) -> None:
    orders = facts("select order_id, amount from build.fct_orders where order_id like 'shop:%'")
    amounts = dict(zip(orders.order_id, map(int, orders.amount), strict=True))
    assert amounts == {"shop:A1": 10, "shop:A2": 25, "shop:A3": 30}


def test_a_refund_is_no_purchase_and_no_activity_and_lowers_the_revenue_of_its_day(
    facts: Read,
) -> None:
    orders = facts(
        "select split_part(order_id, ':', 2) as id, * from build.fct_orders"
        " where order_id like 'refunds:%'"
    ).set_index("id")
    assert sorted(orders[orders.is_purchase].index) == ["ch_1", "ch_2", "ch_4"]
    assert orders.paid_order_number.dropna().to_dict() == {"ch_1": 1, "ch_2": 1, "ch_4": 1}
    assert sorted(orders[orders.is_refund].index) == ["ch_3", "re_1", "re_2", "re_5"]
    days = facts(
        "select order_date::text, orders, revenue::float, refunded::float"
        " from build.mart_revenue_daily where order_date in ('2026-02-12', '2026-03-20') order by 1"
    )
    assert days[days.order_date == "2026-03-20"].iloc[0].tolist()[1:3] == [0, -15]
    customers = facts(
        "select orders.id, customers.* from build.dim_customers as customers inner join"
        " (select customer_id, min(split_part(order_id, ':', 2)) as id from build.fct_orders"
        " where order_id like 'refunds:%' group by 1) as orders using (customer_id)"
    ).set_index("id")
    assert customers.orders.to_dict() == {"ch_1": 1, "ch_2": 1, "ch_3": 0, "ch_4": 1, "re_5": 0}
    assert customers.revenue.dropna().astype(float).to_dict() == {
        "ch_1": 0, "ch_2": 25, "ch_4": 0, "re_5": -5,
    }  # fmt: skip
    assert str(customers.last_seen_at["ch_2"])[:10] == "2025-10-01"
    assert str(customers.last_ordered_at["ch_1"])[:10] == "2026-02-10"
    months = facts("select * from build.mart_repeat_purchase_monthly order by month")
    assert months.repeat_buyers_to_date.iloc[-1] == 1, "only the customer of the two datasets"
    churn = facts(
        "select customers_at_end from build.mart_churn_monthly"
        " where basis = 'non_contractual' and month = '2026-03-01'"
    )
    assert churn.customers_at_end[0] == 5, "not the customer whose last sign is a refund"


def test_a_subscription_of_1900_is_in_no_month(facts: Read) -> None:
    months = facts("select * from build.mart_churn_monthly where basis = 'contractual'")
    assert str(months.month.min()) == "1990-01-01"
    assert months.sort_values("month").customers_at_end.iloc[-1] == 2
    ended = facts("select ended_at from build.fct_subscriptions where subscription_id = 'subs:s2'")
    assert str(ended.ended_at[0]) == "9999-12-30 00:00:00+00:00"


def test_scores_off_their_scale_are_kept_and_in_no_metric(facts: Read) -> None:
    answers = facts(
        "select split_part(response_id, ':', 2)::int as id, score::float, score_group"
        " from build.fct_survey_responses order by 1"
    ).set_index("id")
    assert list(answers.index[answers.score.isna()]) == [1, 2, 5, 7]
    assert answers.score_group.dropna().to_dict() == {
        3: "detractor", 4: "passive", 6: "satisfied", 8: "easy",
    }  # fmt: skip
    day = "where response_date = '2026-03-01'"
    nps = facts(f"select * from build.mart_nps_daily {day}").iloc[0]
    assert (nps.responses, nps.passives, nps.detractors) == (2, 1, 1)
    assert float(facts(f"select csat from build.mart_csat_daily {day}").csat[0]) == 100
    assert float(facts(f"select ces from build.mart_ces_daily {day}").ces[0]) == 7


def test_stamps_complete_minutes_and_minutes_stamps(facts: Read) -> None:
    tickets = facts(
        "select split_part(conversation_id, ':', 2) as id, * from build.fct_conversations"
    ).set_index("id")
    stamps = tickets.loc["stamps"]
    assert (float(stamps.first_reply_minutes), float(stamps.full_resolution_minutes)) == (60, 120)
    assert stamps.resolved_at == stamps.solved_at and stamps.is_one_touch
    assert (stamps.channel, stamps.priority) == ("email", "high")
    solved = tickets.loc["solved"]
    assert str(solved.first_replied_at) == "2026-02-24 15:30:00+00:00"
    assert str(solved.solved_at) == str(solved.resolved_at) == "2026-02-24 16:30:00+00:00"
    assert float(solved.first_reply_business_minutes) == 30
    assert pd.isna(tickets.loc["again"].full_resolution_minutes), "it is open again"
    replied = tickets.first_reply_minutes.astype(float)
    assert replied.dropna().to_dict() == {
        "stamps": 60, "minutes": 12, "early": 0, "nearly": 0, "solved": 30, "again": 30,
        "logged": 30,
    }  # fmt: skip
    late = tickets.is_first_reply_late
    assert {id for id, value in late.items() if value is True} == {"waits"}
    assert late["absurd"] is None
    assert set(tickets.channel) == {"email", "chat"}


def test_figures_of_a_ticket_without_any_are_counted_from_its_log(facts: Read) -> None:
    told = facts("select * from build.fct_conversations where conversation_id = 'tickets:logged'")
    (logged,) = told.itertuples()
    assert (logged.figures_from, logged.replies, logged.reopens) == ("events", 2, 1)
    assert (float(logged.first_reply_minutes), float(logged.full_resolution_minutes)) == (30, 180)
    assert logged.is_one_touch is False and logged.is_outbound is False
    waits = facts("select * from build.mart_next_replies_daily")
    assert (waits.follow_ups.sum(), waits.answered.sum()) == (1, 1)
    profiles = facts(
        "select profile_id from identity.members where profile_id like 'files:tickets:%'"
    )
    assert len(profiles) == 9, "a line of the log is nobody's profile"


def test_a_login_and_a_payment_provider_open_no_session(facts: Read) -> None:
    visits = facts(
        "select channel, purchases, page_views, referrer from build.fct_web_sessions"
        " where paths && array['/', '/thanks'] and source = 'files' and product_ids = '{}'"
        " and started_at = '2026-02-17T10:00:00Z' order by events desc, channel"
    )
    assert visits.iloc[0].tolist() == ["paid", 1, 1, None]
    assert (visits.channel == "direct").sum() == 1, "an own domain is no origin"


def test_nobody_who_saw_no_page_visited(facts: Read) -> None:
    visits = facts("select * from build.fct_web_sessions where started_at < '2026-02-17T09:30:00Z'")
    assert visits.empty
    assert facts("select * from build.dim_customers where sources @> '{files}'").shape[0] > 20
    members = facts("select profile_id from identity.members where profile_id like 'files:log:%'")
    assert members.empty
    assert len(facts("select * from intermediate.int_web_events_sessionised")) == 7


def test_events_of_google_analytics_are_views_checkouts_and_channels(facts: Read) -> None:
    visits = facts(
        "select * from build.fct_web_sessions where landing_path = '/' and paths <> '{}'"
        " and (product_views > 0 or utm_source = 'google')"
    ).sort_values("product_views")
    assert visits.channel.tolist() == ["paid", "direct"]
    shopper = visits.iloc[-1]
    assert (shopper.product_views, shopper.checkouts) == (2, 1)
    interest = facts("select product_id, views from build.fct_product_interest order by 1")
    assert interest.values.tolist() == [["P1", 1], ["P2", 1]]


def test_a_dataset_whose_amounts_are_missing_is_refused_by_name(
    odd: Connection,
    postgres: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_to(monkeypatch, postgres, odd.info.dbname)
    odd.execute(
        "insert into build.fct_orders"
        " (source, order_id, status, currency, ordered_at, is_purchase, is_refund)"
        " select 'files', 'idr:' || n, 'paid', 'IDR', '2026-02-10', true, false"
        " from generate_series(2, 40) as n"
    )
    run_dbt("run", "--select", "data_oddities", as_of=NIGHT, settings=settings(tmp_path))
    said = "amount is missing in 39 of 40 rows of source files, dataset idr, currency IDR"
    with pytest.raises(GateFailed, match=said):
        run_gate("publication", run_id="broken", as_of=NIGHT)


SUBSCRIPTION = {
    "customer": "c1", "status": "active", "start_date": "1768953600",
    "items": {"data": [{"price": {"id": "p", "unit_amount": "950", "currency": "eur"}}]},
}  # fmt: skip


def delete(connection: Connection, table: str, key: str, as_of: datetime) -> None:
    """What a sweep leaves of a record that is gone at its source."""
    connection.execute(f"update raw.{table} set is_latest = false")  # type: ignore[arg-type]
    connection.execute(
        f"insert into raw.{table} select record_key, '{{}}', '', load_id + 1, %s, first_as_of,"  # type: ignore[arg-type]
        f" true, true from raw.{table} where record_key = %s",
        (as_of, key),
    )


def test_a_deleted_subscription_ended_and_leaves_its_months_as_they_were(
    warehouse: Connection, tmp_path: Path
) -> None:
    (tmp_path / "subs.csv").write_text(
        "sub,who,status,start,amount\n1,solo,active,2026-01-20,9.5\n"
    )
    columns = {
        "subscription_id": "sub", "customer_id": "who", "status": "status",
        "started_at": "start", "amount": "amount",
    }  # fmt: skip
    dataset = {
        "path": str(tmp_path / "subs.csv"), "format": "csv", "entity": "subscriptions",
        "namespace": "crm", "key": ["sub"], "columns": columns,
    }  # fmt: skip
    chosen = Settings.model_validate(
        {"sources": {"files": {"datasets": {"subs": dataset}}, "stripe": {}}}
    )
    ensure_tables(warehouse, chosen)
    pull(Files(chosen.source_options("files")), warehouse, run_id="r", as_of=NIGHT)
    land(warehouse, "stripe__subscriptions", {"sub_1": SUBSCRIPTION}, NIGHT)
    land(warehouse, "stripe__customers", {"c1": {"id": "c1", "email": "c@x.example"}}, NIGHT)
    models = ("--select", "mart_churn_monthly", "fct_subscriptions")

    def night(as_of: datetime) -> pd.DataFrame:
        run_dbt("run", "--select", "tag:staging", as_of=as_of, settings=chosen)
        know_everybody(warehouse)
        run_dbt("run", *models, "fct_orders", as_of=as_of, settings=chosen)
        months = read(
            warehouse,
            "select * from build.mart_churn_monthly where basis = 'contractual' order by 1",
        )
        return months.set_index("month")[["customers_at_start", "joined", "churned"]]

    before = night(NIGHT)
    delete(warehouse, "stripe__subscriptions", "sub_1", NEXT_NIGHT)
    delete(warehouse, "stripe__customers", "c1", NEXT_NIGHT)
    delete(warehouse, "files__subs", "1", NEXT_NIGHT)
    after = night(NEXT_NIGHT)
    pd.testing.assert_frame_equal(before, after.iloc[: len(before)])
    assert after.iloc[-1].to_dict() == {"customers_at_start": 2, "joined": 0, "churned": 2}
    ended = read(warehouse, "select * from build.fct_subscriptions order by source")
    assert list(ended.status) == ["cancelled", "cancelled"] and not ended.is_active.any()
    assert (ended.deleted_at == NEXT_NIGHT).all() and (ended.cancelled_at < NEXT_NIGHT).all()


TWICE = {
    "contacts": "customer_id,email,updated_at\n1,a@x.example,2026-01-0{n}\n",
    "payments": "payment_id,customer_id,amount,attempted_at\n1,1,{n},2026-01-0{n}\n",
    "conversations": "conversation_id,customer_id,subject,created_at\n1,1,s{n},2026-01-0{n}\n",
    "survey_responses": "response_id,customer_id,metric,score,responded_at\n"
    "1,1,nps,{n},2026-01-0{n}\n",
    "web_events": "event_id,customer_id,event_name,occurred_at\n1,1,page_view,2026-01-0{n}\n",
    "message_events": "event_id,customer_id,event_type,channel,occurred_at\n"
    "1,1,opened,email,2026-01-0{n}\n",
    "subscriptions": "subscription_id,customer_id,status,started_at\n1,1,active,2026-01-0{n}\n",
    "consent_events": "event_id,customer_id,channel,purpose,status,occurred_at\n"
    "1,1,email,marketing,{word},2026-01-0{n}\n",
}


def test_ids_that_two_datasets_share_are_one_object_of_any_kind_and_no_refusal_is_lost(
    warehouse: Connection, tmp_path: Path
) -> None:
    datasets: dict[str, Any] = {}
    for entity, text in TWICE.items():
        for number, word in ((1, "withdrawn"), (2, "granted")):
            name = f"{entity}_{number}"
            (tmp_path / name).write_text(text.format(n=number, word=word))
            columns = text.split("\n")[0].split(",")
            datasets[name] = {
                "path": str(tmp_path / name), "format": "csv", "entity": entity,
                "namespace": "shared", "key": [columns[0]],
                "columns": {column: column for column in columns},
            }  # fmt: skip
    chosen = Settings.model_validate({"sources": {"files": {"datasets": datasets}}})
    ensure_tables(warehouse, chosen)
    pull(Files(chosen.source_options("files")), warehouse, run_id="r", as_of=NIGHT)
    quiet = ("--exclude-resource-type", "unit_test")
    run_dbt("build", "--select", "tag:staging", *quiet, as_of=NIGHT, settings=chosen)
    for entity in set(TWICE) - {"consent_events"}:
        found = read(warehouse, f"select * from intermediate.int_{entity}_unioned")
        assert len(found) == 1, entity
    scores = read(warehouse, "select score from intermediate.int_survey_responses_unioned")
    assert int(scores.score[0]) == 2, "the newest"
    consents = read(warehouse, "select * from intermediate.int_consent_events_unioned")
    assert sorted(consents.status) == ["granted", "withdrawn"]
    assert consents.event_id.is_unique
