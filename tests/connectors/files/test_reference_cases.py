"""Files that were once misread, from outside of the project, with the values that are right."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.dbt_project.conftest import prepared
from tests.own_data import OwnData, Rows

# What the cases with a mapping of their own are called in this company, by case, file and dataset.
OWN_MAPPINGS = {
    "b-01-phones-mx-br": {"crm": "contacts.csv"},
    "b-02-extensions": {"crm": "contacts.csv"},
    "b-04-nps": {"nps_score": "nps_score.csv"},
    "b-07-merges": {"merge": "merge.csv"},
}


@pytest.fixture(scope="module")
def cases(
    postgres: str, template: str, reference_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnData]:
    """All cases in one company, after a run; the file of one was exported again before a second."""
    folder = tmp_path_factory.mktemp("cases")
    found: dict[str, OwnData] = {}

    def prepare(connection: psycopg.Connection[Any]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            company = found["cases"] = OwnData(folder, patch, connection)
            datasets, surveys = _declared(reference_dir / "cases", folder)
            sources = {"files": {"datasets": datasets}}
            company.land(sources, surveys={"files": surveys})
            company.first_errors = list(company.errors)
            night = reference_dir / "cases" / "07-nokey-reexport" / "night2" / "orders.csv"
            shutil.copy(night, folder / "orders.csv")
            shutil.copy(
                reference_dir / "cases" / "b-06-consent-reimport" / "2_night2.csv",
                folder / "consent",
            )
            company.land(sources, surveys={"files": surveys})
            company.build()

    with prepared(postgres, template, prepare):
        yield found["cases"]


def _declared(cases: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    datasets: dict[str, Any] = {}
    surveys: dict[str, Any] = {}
    for case in sorted(cases.iterdir()):
        fragment = case / "rapport.fragment.yml"
        if fragment.exists():
            given = yaml.safe_load(fragment.read_text())
            surveys |= given.pop("surveys", {}).get("files", {})
            for name, dataset in given.items():
                datasets[name] = dataset | {"path": str(cases.parent / dataset["path"])}
        for name, file in OWN_MAPPINGS.get(case.name, {}).items():
            given = yaml.safe_load((case / "mapping.yml").read_text())
            own = given["sources"]["files"]["datasets"][name]
            key = case.name.partition("-")[2].replace("-", "_")
            datasets[f"b{key}"] = own | {"path": str(case / file), "namespace": key}
    shutil.copy(cases / "07-nokey-reexport" / "night1" / "orders.csv", folder / "orders.csv")
    datasets["c07"]["path"] = str(folder / "orders.csv")
    (folder / "consent").mkdir()
    consents = yaml.safe_load((cases / "b-06-consent-reimport" / "mapping.yml").read_text())
    consents = consents["sources"]["files"]["datasets"]["cstate"]
    shutil.copy(cases / "b-06-consent-reimport" / "1_night1.csv", folder / "consent")
    datasets["b06"] = consents | {"path": str(folder / "consent" / "*.csv")}
    for kind, entity in (("nps_col", None), ("csat_score", "csat"), ("ces_score", "ces")):
        base = datasets["b04_nps"]
        columns = {"response_id": "resp", "customer_id": "cust", "responded_at": "at"}
        if entity is not None:
            columns |= {"score": "score", "metric": {"value": entity}}
        path = str(cases / "b-04-nps" / f"{kind}.csv")
        datasets[kind] = base | {"path": path, "namespace": kind, "columns": columns}
    surveys["nps_col"] = {"q": "nps"}
    columns = {"order_id": "order", "customer_id": "cust", "ordered_at": "at", "amount": "amount"}
    of_subscription = {"subscription_id": "sub", "customer_id": "cust", "status": "status",
                       "started_at": "start", "cancelled_at": "end", "amount": "amount",
    }  # fmt: skip
    for kind in ("orders_card", "orders_gate", "subs", "subs_card"):
        is_order = kind.startswith("orders")
        datasets[f"b18_{kind}"] = {
            "path": str(cases / "b-18-dates" / f"{kind}.csv"),
            "format": "csv",
            "entity": "orders" if is_order else "subscriptions",
            "namespace": f"b18_{kind}",
            "key": ["order" if is_order else "sub"],
            "columns": columns if is_order else of_subscription,
        }
    return datasets, surveys


def of(cases: OwnData, query: str) -> Rows:
    return [
        tuple(str(one) if one is not None else None for one in row) for row in cases.read(query)
    ]


def facts(cases: OwnData, columns: str, table: str, prefix: str, order: str) -> Rows:
    return of(
        cases,
        f"select {columns} from build.{table} where {order} like '{prefix}%' order by {order}",
    )


def orders(cases: OwnData, prefix: str) -> Rows:
    return facts(cases, "order_id, status, round(amount, 2)", "fct_orders", prefix, "order_id")


def test_two_guests_are_two_customers(cases: OwnData) -> None:
    people = of(
        cases,
        "select email, count(distinct customer_id), count(order_id) from build.fct_orders"
        " join (select distinct profile_id, email from staging.stg_files__contacts"
        "       where profile_id like 'files:c01news:%') as contacts on true"
        " join identity.members using (profile_id, customer_id) group by email order by email",
    )
    assert people == [("anna@guest.example", "1", "1"), ("bert@guest.example", "1", "1")]


def test_a_log_with_the_host_first_is_two_visitors(cases: OwnData) -> None:
    assert of(
        cases,
        "select count(distinct profile_id) from staging.stg_files__web_events"
        " where profile_id like 'files:c02_vhost:%'",
    ) == [("2",)]


def test_times_with_a_blank_before_the_offset_are_read_and_others_say_the_option(
    cases: OwnData,
) -> None:
    stamps = facts(
        cases, "conversation_id, created_at", "fct_conversations", "c04:", "conversation_id"
    )
    assert [row[1] for row in stamps] == [
        "2026-02-01 07:59:00+00:00", "2026-02-01 09:59:00+00:00", "2026-02-01 09:59:00+00:00",
    ]  # fmt: skip
    rejected = cases.rejected("c04")
    assert len(rejected) == 4
    assert all("column Created at" in reason and "`format`" in reason for reason in rejected)


@pytest.mark.parametrize("dataset", ["c05n", "c05l"])
def test_lines_are_one_order_with_its_own_cells(cases: OwnData, dataset: str) -> None:
    assert orders(cases, f"{dataset}:") == [
        (f"{dataset}:#1050", "paid", "100.90"),
        (f"{dataset}:#1052", "refunded", "100.90"),
    ]


def test_a_file_without_a_key_that_is_exported_again_counts_once(cases: OwnData) -> None:
    assert of(
        cases,
        "select count(*), sum(amount), count(distinct customer_id) from build.fct_orders"
        " where order_id like 'c07:%'",
    ) == [("3", "60", "3")]


def test_answers_that_pandas_wrote_are_read(cases: OwnData) -> None:
    assert of(
        cases,
        "select metric, score from build.fct_survey_responses where response_id like 'c09:%'"
        " and score is not null order by 1, 2",
    ) == [("csat", "5.0"), ("nps", "9.0"), ("nps", "10.0")]


def test_a_question_that_the_file_does_not_have_is_refused(cases: OwnData) -> None:
    (error,) = [one for one in cases.errors if "c10" in one]
    assert "has no column How likely are you to recommend us?" in error


def test_only_the_active_subscription_is_active(cases: OwnData) -> None:
    found = facts(
        cases, "subscription_id, is_active", "fct_subscriptions", "c12:", "subscription_id"
    )
    assert [row[0] for row in found if row[1] == "True"] == ["c12:s1"]


def test_tickets_are_what_their_words_say(cases: OwnData) -> None:
    found = facts(cases, "conversation_id, status", "fct_conversations", "c13:", "conversation_id")
    assert dict(found) == {  # type: ignore[arg-type]
        "c13:s2": "closed", "c13:s4": "closed", "c13:s5": "solved", "c13:s6": "closed",
        "c13:s7": "closed", "c13:s10": "pending",
    }  # fmt: skip


def test_stamps_give_minutes(cases: OwnData) -> None:
    assert facts(
        cases,
        "round(first_reply_minutes), round(full_resolution_minutes), is_one_touch,"
        " solved_at is not null",
        "fct_conversations",
        "c14:",
        "conversation_id",
    ) == [("60", "120", "True", "True")]


def test_an_answered_ticket_is_not_late(cases: OwnData) -> None:
    assert facts(cases, "is_first_reply_late", "fct_conversations", "c15:", "conversation_id") == [
        ("False",),
        ("False",),
    ]


def test_what_did_not_arrive_is_neither_delivered_nor_opened(cases: OwnData) -> None:
    words = of(
        cases,
        "select event_type from staging.stg_files__message_events"
        " where event_id like 'c17:%' order by event_id",
    )
    assert words == [(None,), (None,), ("bounced",), (None,)]


def test_the_export_of_google_analytics_is_counted_as_google_counts(cases: OwnData) -> None:
    sessions = of(
        cases,
        "select channel, product_views, checkouts from build.fct_web_sessions"
        " where customer_id in (select customer_id from identity.members"
        " where profile_id like 'files:c18:%') order by 1",
    )
    assert sessions == [("direct", "2", "1"), ("paid", "0", "0")]
    seen = of(
        cases,
        "select count(distinct product_id) from build.fct_product_interest where customer_id in"
        " (select customer_id from identity.members where profile_id like 'files:c18:%')",
    )
    assert seen == [("2",)]


def test_a_login_does_not_split_a_session(cases: OwnData) -> None:
    sessions = of(
        cases,
        "select channel, purchases from build.fct_web_sessions where customer_id in"
        " (select customer_id from identity.members where profile_id like 'files:c20:%')",
    )
    assert sessions == [("paid", "1")]


def test_nobody_who_saw_no_page_visited(cases: OwnData) -> None:
    assert of(
        cases,
        "select count(*) from build.fct_web_sessions where customer_id in"
        " (select customer_id from identity.members where profile_id like 'files:c21:%')",
    ) == [("0",)]


def test_a_local_time_is_of_its_local_day(cases: OwnData) -> None:
    assert facts(cases, "order_date", "fct_orders", "c22:", "order_id") == [("2025-12-31",)]


def test_a_large_amount_of_a_small_currency_is_an_order(cases: OwnData) -> None:
    assert orders(cases, "c23:") == [("c23:1", "paid", "1450000.00")]


def test_a_long_cell_is_one_cell(cases: OwnData) -> None:
    found = facts(cases, "conversation_id", "fct_conversations", "c25:", "conversation_id")
    assert found == [("c25:T4",)]
    assert cases.rejected("c25") == []


def test_a_refund_is_no_second_purchase(cases: OwnData) -> None:
    assert of(
        cases,
        "select orders from build.dim_customers where customer_id in"
        " (select customer_id from identity.members where profile_id like 'files:c26:%')",
    ) == [("1",)]


def test_parquet_of_other_tools_is_read_as_text_and_whole_ids(cases: OwnData) -> None:
    found = of(
        cases,
        "select conversation_id, profile_id from staging.stg_files__conversations"
        " where conversation_id like 'c29:%' order by 1",
    )
    assert ("c29:o1", "files:c29:y1@pq.example") in found
    assert {row[1] for row in found} == {"files:c29:y1@pq.example", "files:c29:17850"}


def test_null_words_are_nobody_and_no_value(cases: OwnData) -> None:
    found = of(
        cases,
        "select order_id, profile_id, ordered_at is null, amount from staging.stg_files__orders"
        " where order_id like 'c30:%' order by 1",
    )
    assert found == [
        ("c30:M3", "files:c30:q3", "True", "5"),
        ("c30:M4", "files:c30:q4", "False", None),
        ("c30:M5", "files:c30:emil@z.example", "False", "7"),
        ("c30:M6", "files:c30:frida@z.example", "False", "8"),
    ]


def _customers(cases: OwnData, namespace: str) -> dict[str, str]:
    return {
        profile.rpartition(":")[2]: customer
        for profile, customer in of(
            cases,
            "select profile_id, customer_id from identity.members"
            f" where profile_id like 'files:{namespace}:%'",
        )
    }  # type: ignore[union-attr]


def test_two_writings_of_a_number_are_one_customer(cases: OwnData) -> None:
    people = _customers(cases, "01_phones_mx_br")
    assert people["mx1"] == people["mx2"] and people["br1"] == people["br2"]
    assert people["mx1"] != people["br1"]


def test_extensions_of_one_number_are_different_people(cases: OwnData) -> None:
    people = _customers(cases, "02_extensions")
    assert len({people[f"ext{number}"] for number in (1, 2, 3, 4)}) == 4
    assert people["exe1"] != people["exe2"]


def test_scores_off_the_scale_are_null_and_decimals_are_read(cases: OwnData) -> None:
    scores = of(
        cases,
        "select response_id, score, score_group from build.fct_survey_responses"
        " where response_id like '04_nps:%' or response_id like 'nps_col:%'"
        " or response_id like 'csat_score:%' or response_id like 'ces_score:%' order by 1",
    )
    assert {row[0]: row[1:] for row in scores} == {
        "04_nps:r0": ("6.5", "detractor"), "04_nps:r1": ("8.5", "passive"),
        "04_nps:r2": (None, None), "04_nps:r3": (None, None), "04_nps:r4": ("10", "promoter"),
        "nps_col:v0": ("6.5", "detractor"), "nps_col:v1": ("8.5", "passive"),
        "nps_col:v2": (None, None), "nps_col:v3": (None, None), "nps_col:v4": ("10", "promoter"),
        "nps_col:v5": ("8.5", "passive"), "nps_col:v6": ("9", "promoter"),
        "nps_col:v7": ("10", "promoter"),
        "csat_score:w0": (None, None), "csat_score:w1": (None, None),
        "csat_score:w2": (None, None), "csat_score:w3": ("2", "dissatisfied"),
        "ces_score:x0": (None, None), "ces_score:x1": (None, None),
    }  # fmt: skip


def test_a_no_outlives_an_older_yes_that_lands_later(cases: OwnData) -> None:
    found = of(
        cases,
        "select is_granted from build.dim_consents where purpose = 'marketing' and customer_id in"
        " (select customer_id from identity.members where profile_id like 'files:cs:%')",
    )
    assert set(found) == {("False",)}


def test_a_further_address_joins_its_owner(cases: OwnData) -> None:
    people = _customers(cases, "07_merges")
    assert people["A"] == people["B"]


def test_dates_that_nobody_means_stay_in_the_facts_within_bounds(cases: OwnData) -> None:
    assert of(
        cases,
        "select min(ordered_at) >= '0001-01-02', max(ordered_at) <= '9999-12-30'"
        " from build.fct_orders where order_id like 'b18%'",
    ) == [("True", "True")]
    assert len(orders(cases, "b18_orders")) == 2
