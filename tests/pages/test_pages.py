"""What the pages say, and that hostile text stays text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from rapport.pages.customers import BY_NAME
from rapport.pages.database import Warehouse
from rapport.pages.request import language

from ..card.conftest import ANN, BOB, FORMER
from .conftest import CANARIES, METRICS, RUN, SCRIPT, Client, wait

As = Callable[[str | None], Client]


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text[-400:])
    return answer.text


def test_runs_says_what_is_wrong_before_anything_else(as_: As) -> None:
    said = page(as_("viewer"), "/runs")
    assert said.index("Needs attention") < said.index("Stale: zendesk") < said.index("Sources")
    assert "no consent" in said and "waiting" in said


def test_an_older_run_can_be_opened_and_an_unknown_run_id_is_not_found(as_: As) -> None:
    assert RUN in page(as_("viewer"), f"/runs?run={RUN}")
    assert as_("viewer").get("/runs?run=20200101T030000Z-01").status_code == 404


def test_bookmarks_of_the_former_page_lead_to_runs(as_: As) -> None:
    answer = as_("viewer").get(f"/tonight?run={RUN}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/runs?run={RUN}")


def test_the_card_shows_open_conversations_first_and_consent_with_its_proof(as_: As) -> None:
    said = page(as_("op"), f"/customers/{ANN}")
    assert said.index("2 open conversations") < said.index("What did they do?")
    assert "What are they doing?" in said and "What may they do next?" in said
    assert CANARIES[0] in said and "1,234.50 EUR" in said
    assert "marketing" in said and "policy" in said
    assert '<svg class="picture"' in said and CANARIES[1] in said


def test_a_block_whose_source_is_stale_is_grey(as_: As) -> None:
    said = page(as_("op"), f"/customers/{ANN}")
    assert 'class="card block stale" aria-label="Conversations"' in said
    assert 'class="card block" aria-label="Consent"' in said


def test_a_former_id_leads_to_the_customer_of_today(as_: As) -> None:
    answer = as_("op").get(f"/customers/{FORMER}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/customers/{ANN}")


@pytest.mark.parametrize("who", [ANN, FORMER, "hubspot:contacts:1", "u_0000001",
                                 CANARIES[1].upper(), "030 901820"])  # fmt: skip
def test_every_id_and_address_leads_to_the_card(as_: As, who: str) -> None:
    answer = as_("op").post("/customers", data={"who": who})
    assert (answer.status_code, answer.headers.get("location")) == (303, f"/customers/{ANN}")


def test_a_name_is_found_by_its_beginning_in_any_case(as_: As) -> None:
    answer = as_("op").post("/customers", data={"who": "bEc"})
    assert answer.headers.get("location") == f"/customers/{BOB}"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("José Nuñez", "jose\u0301 nun\u0303ez"),
        ("Jose\u0301 Nun\u0303ez", "JOSÉ"),
        ("José Nuñez", "jose nunez"),
        ("Heinz Strauß", "STRAUSS"),
        ("Heinz Strauss", "strauß"),
        ("Groẞ Anton", "gross"),
        ("İlker Işık", "ilker ışık"),
        ("ILKER IŞIK", "İlker"),
        ("Иван Щербаков", "ЩЕРБАКОВ"),
        ("АЛЁНА ЙОВА", "алёна й"),
        ("ΓΙΏΡΓΟΣ ΠΑΠΆΣ", "γιώργος"),
        ("Łukasz Ørsted", "lukasz orsted"),
        ("Ｆｕｌｌ Width", "full"),
        ("Sean O’Brien", "sean o'brien"),
        ("Æsa  Þórs", "aesa thors"),
        ("Quinn Qu", "q"),
        ("李 小龙", "李"),
    ],
)
def test_a_name_is_found_however_its_letters_are_typed(
    as_: As, world: psycopg.Connection[Any], name: str, typed: str
) -> None:
    customer = "c_" + "f" * 20
    world.execute(
        "insert into marts.dim_customers (customer_id, sources) values (%s, '{}')", [customer]
    )
    world.execute(
        "insert into marts_pii.dim_customer_contacts (customer_id, full_name, last_name)"
        " values (%s, %s, %s)", [customer, name, name.rpartition(" ")[2]]
    )  # fmt: skip
    try:
        answer = as_("op").post("/api/v1/customers/search", json={"who": typed})
        assert customer in {match["customer_id"] for match in answer.json()["matches"]}
    finally:
        for table in ("marts.dim_customers", "marts_pii.dim_customer_contacts"):
            world.execute(f"delete from {table} where customer_id = %s", [customer])


def test_the_search_for_a_name_reads_its_index(world: psycopg.Connection[Any]) -> None:
    """With the indexes that the model declares, of 20,000 people a search reads a few rows."""
    model = Path(__file__).resolve().parents[2] / "dbt_project/models/marts"
    declared = yaml.safe_load((model / "dim_customer_contacts.yml").read_text("utf-8"))["models"]
    with world.transaction(force_rollback=True):
        world.execute(
            "insert into marts_pii.dim_customer_contacts (customer_id, full_name, last_name)"
            " select 'c_' || n, initcap(md5(n::text)) || ' Ähre', initcap(md5('l' || n))"
            " from generate_series(1, 20000) n"
        )
        for expression in declared[0]["config"]["meta"]["indexes"]:
            world.execute(f"create index on marts_pii.dim_customer_contacts ({expression})")
        world.execute("analyze marts_pii.dim_customer_contacts")
        values = {"begin": "ab", "end": "ab\U0010ffff", "key": "ab", "customer_id": "", "limit": 21}
        plan = str(world.execute(f"explain {BY_NAME}", values).fetchall())
    assert plan.count("Index") >= 2 and "Seq Scan" not in plan and "Sort Key: (marts" not in plan


def test_many_of_a_name_come_in_pages_that_meet(as_: As, world: psycopg.Connection[Any]) -> None:
    ids = [f"c_{number:020x}" for number in range(45)]
    for customer in ids:
        world.execute(
            "insert into marts.dim_customers (customer_id, sources) values (%s, '{}')", [customer]
        )
        world.execute(
            "insert into marts_pii.dim_customer_contacts (customer_id, full_name, last_name)"
            " values (%s, 'Zoe Zett', 'Zett')", [customer]
        )  # fmt: skip
    try:
        found, after = [], ""
        while after is not None:
            answer = as_("op").post("/api/v1/customers/search", json={"who": "zo", "after": after})
            found += [match["customer_id"] for match in answer.json()["matches"]]
            after = answer.json()["next"]
        assert found == ids
    finally:
        for table in ("marts.dim_customers", "marts_pii.dim_customer_contacts"):
            world.execute(f"delete from {table} where customer_id = any(%s)", [ids])


def test_a_search_without_result_says_what_to_try(as_: As) -> None:
    said = as_("op").post("/customers", data={"who": "nobody at all"}).text
    assert "No customer matches" in said and "country code" in said


def test_the_timeline_goes_on_where_the_page_ends(as_: As) -> None:
    first = page(as_("op"), f"/customers/{ANN}")
    assert first.count("<time ") == 40
    link = first.split("before=")[1].split('"')[0]
    later = page(as_("op"), f"/customers/{ANN}?before={link}")
    assert later.count("<time ") == 5


def test_hostile_text_is_text_on_every_page(as_: As, world: psycopg.Connection[Any]) -> None:
    wait(world)
    client = as_("op")
    for path in ("/runs", "/segments", "/segments/payment_failed", f"/customers/{ANN}",
                 f"/customers/{ANN}/identity", "/review", "/metrics"):  # fmt: skip
        said = page(client, path)
        assert SCRIPT not in said and "<img" not in said, path
        assert "{{ 7*7 }}" in said or "49" not in said.split("7*7")[0][-5:]
    answer = client.post("/customers", data={"who": SCRIPT})
    assert SCRIPT not in answer.text and "&lt;script&gt;" in answer.text


def test_a_segment_is_shown_in_words_and_in_sql(as_: As) -> None:
    said = page(as_("viewer"), "/segments/payment_failed")
    assert "from {{ ref(&#39;" in said and "Hold-out" in said
    assert "Overlap with other segments" in said and "open ticket" in said and "50 %" in said


def test_a_lift_of_almost_nobody_is_no_number_and_says_how_many_more_are_needed(
    as_: As, world: psycopg.Connection[Any]
) -> None:
    told = yaml.safe_load((METRICS / "mart_play_lift_daily.yml").read_text(encoding="utf-8"))
    columns = [f"{one['name']} {one['data_type']}" for one in told["models"][0]["columns"]]
    world.execute(f"create table marts.mart_play_lift_daily ({', '.join(columns)})")
    try:
        world.execute(
            "insert into marts.mart_play_lift_daily (segment, arm, as_of_date, treated, held_out,"
            " converted_treated, converted_held_out, lift_reason, treated_missing,"
            " held_out_missing) values ('payment_failed', 'treated', '2026-03-30', 22, 1, 1, 1,"
            " 'too_few_held_out', 8, 81)"
        )
        said = page(as_("viewer"), "/segments/payment_failed")
    finally:
        world.execute("drop table marts.mart_play_lift_daily")
    assert "Needed are 81 more held out and 8 more treated." in said
    assert "1 of 22 treated reached the goal, 1 of 1 held out." in said
    assert "Lift" not in said


def test_a_metric_that_cannot_be_known_says_why(as_: As, world: psycopg.Connection[Any]) -> None:
    why = "update marts.mart_metrics_latest set value = %s, reason = %s where metric = %s"
    world.execute(why, [None, "history_too_short", "churn_rate_30d"])
    try:
        for path in ("/metrics", "/metrics/churn_rate_30d"):
            assert "The history is too short to tell." in page(as_("viewer"), path)
    finally:
        world.execute(why, [0.1, None, "churn_rate_30d"])


def test_why_in_shows_each_condition(as_: As) -> None:
    said = page(as_("user"), f"/customers/{ANN}/why/open_ticket")
    assert "Conditions" in said and ANN in said


def test_a_metric_has_its_curve_its_card_and_the_period_before(as_: As) -> None:
    said = page(as_("viewer"), "/metrics/nps_90d")
    assert "data-plot=" in said and "previous period" in said
    assert "NPS by day." in said and "zendesk" in said
    assert "Compared with the previous period" in said


def test_pages_speak_russian_to_who_reads_it(as_: As) -> None:
    said = as_("op").get("/runs", headers={"Accept-Language": "ru-RU,ru;q=0.9"}).text
    assert '<html lang="ru">' in said and "Запуски" in said
    chosen = as_("op").get("/runs?lang=ru")
    assert "rapport_language=ru" in chosen.headers["set-cookie"]
    assert language({}, {"rapport_language": "ru"}, "en") == "ru"
    assert language({"lang": "xx"}, {}, "fr") == "en"


def test_a_reader_is_asked_in_their_role_and_can_write_nothing(world: Any) -> None:
    warehouse = Warehouse()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), warehouse.look("bi_reader") as look:
        look.execute("select * from marts_pii.dim_customer_contacts")
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        warehouse.look("marketing_reader") as look,
    ):
        look.execute("select * from marts_pii.fct_survey_comments")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), warehouse.look() as look:
        look.execute("delete from ops.nights")
    with warehouse.look("support_reader") as look:
        assert look.execute("select current_user").fetchone() == ("support_reader",)
    with warehouse.look() as look:
        assert look.execute("select current_user").fetchone() != ("support_reader",), "given back"
    warehouse.close()


def test_an_error_names_itself_in_the_log_and_quotes_nothing(
    as_: As, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(CANARIES[1])

    monkeypatch.setattr("rapport.pages.customers.published_as_of", broken)
    for path in (f"/customers/{ANN}", f"/api/v1/customers/{ANN}"):
        answer = as_("op").get(path)
        assert answer.status_code == 500
        assert CANARIES[1] not in answer.text
    assert "ValueError in" in caplog.text and CANARIES[1] not in caplog.text


def test_a_warehouse_without_a_run_is_an_empty_page_and_no_error(
    warehouse: psycopg.Connection[Any],
) -> None:
    from rapport.pages.app import application

    from .conftest import SECRET, by_header

    desk = Warehouse()
    client = Client(application(by_header, lambda: SECRET, desk), "op")
    assert "There is no run yet" in client.get("/runs").text
    for path in ("/segments", "/segments/payment_failed", "/customers"):
        assert client.get(path).status_code == 200, path
    for path in ("/metrics", f"/customers/{ANN}", "/metrics/nps_90d"):
        answer = client.get(path)
        assert answer.status_code in (404, 503) and "rapport run" in answer.text, path
    desk.close()
