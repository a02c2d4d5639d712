"""Salesforce's traps: a day's calls, hidden fields, two forms of an id, jobs that go on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.salesforce import client as _salesforce
from rapport.connectors.salesforce import source as salesforce
from rapport.connectors.salesforce.source import Salesforce
from rapport.errors import ConfigError, GiveUp, RetryLater

HOST = "/salesforce/services/data/v67.0"


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_salesforce, "LARGEST_PAGE", 7)
    monkeypatch.setattr(salesforce, "LARGEST_SET", 8)


def options(pulled: Any) -> dict[str, Any]:
    held: dict[str, Any] = pulled.recorder.gate.limits.options.setdefault("salesforce", {})
    return held


def keys(rows: list[dict[str, Any]]) -> set[str]:
    return {row["Id"] for row in rows}


def test_deleted_and_merged_records_come_with_what_became_of_them(pulled: Any) -> None:
    rows = pulled.rows(Salesforce(), "contacts")
    binned = [row for row in rows if row["IsDeleted"]]
    merged = [row for row in binned if row["MasterRecordId"]]
    assert binned
    assert merged
    assert {row["MasterRecordId"] for row in merged} <= keys(rows)
    leads = pulled.rows(Salesforce(), "leads")
    became = {row["ConvertedContactId"] for row in leads if row["IsConverted"]}
    assert became
    assert became & keys(rows)


def test_what_a_bulk_job_gives_is_what_the_pages_give(pulled: Any) -> None:
    plain = pulled.rows(Salesforce(), "contacts")
    pulled.recorder.requests.clear()
    bulk = pulled.rows(Salesforce({"bulk_from": 5}), "contacts")
    asked = [request["path"] for request in pulled.recorder.requests]
    assert f"{HOST}/jobs/query" in asked
    assert keys(bulk) == keys(plain)
    told = {row["Id"]: row for row in bulk if "attributes" not in row}
    for row in plain:
        row.pop("attributes")
        assert {name: _text(value) for name, value in row.items()} == told[row["Id"]]
    assert pulled.waits == [pytest.approx(15.0, abs=0.1)]


def _text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value if value is None else str(value)


def test_a_job_that_was_cut_short_goes_on_with_the_same_job(pulled: Any) -> None:
    source = Salesforce({"bulk_from": 5})
    whole = keys(pulled.rows(source, "contacts"))
    pages = pulled.pages(source, "contacts")
    some = [next(pages) for _ in range(3)]
    pages.close()
    kept = some[-1].position
    assert kept is not None
    assert kept["locator"]
    pulled.recorder.requests.clear()
    rest = keys(pulled.rows(source, "contacts", kept))
    assert not [r for r in pulled.recorder.writes if r["path"].endswith("/jobs/query")]
    got = {json.loads(bytes(r))["Id"] for page in some for r in page.records}
    assert got | rest == whole
    assert not got & rest
    positions = [page.position for page in pulled.pages(source, "contacts", kept)]
    assert {"cursor": kept["begun"]} in positions


def test_a_job_that_is_gone_is_begun_anew_and_one_that_failed_says_where_to_look(
    pulled: Any,
) -> None:
    source = Salesforce({"bulk_from": 5})
    gone = {"job": "750gone", "locator": "16", "begun": "2026-03-30T03:00:00+00:00"}
    assert keys(pulled.rows(source, "contacts", gone)) == keys(pulled.rows(source, "contacts"))
    options(pulled)["failing_jobs"] = 1
    with pytest.raises(GiveUp, match="Bulk Data Load Jobs"):
        pulled.rows(source, "contacts")


def test_a_set_of_results_that_is_cut_short_is_asked_for_again(pulled: Any) -> None:
    source = Salesforce({"bulk_from": 5})
    whole = keys(pulled.rows(source, "contacts"))
    pulled.recorder.fault("salesforce", "cut_json", route="*/results", times=2)
    assert keys(pulled.rows(source, "contacts")) == whole


def test_a_spent_day_is_a_403_that_is_left_for_later(pulled: Any) -> None:
    options(pulled)["most"] = 0
    with pytest.raises(RetryLater, match="403"):
        pulled.rows(Salesforce(), "contacts")


def test_calls_end_before_the_organisations_share_is_used_up(pulled: Any) -> None:
    pulled.rows(Salesforce(), "accounts")
    options(pulled).update(used=797, most=1000)
    pages = pulled.pages(Salesforce(), "contacts")
    assert len(next(pages).records) == 7
    with pytest.raises(RetryLater, match="limit_share") as caught:
        next(pages)
    assert caught.value.retry_after == 3600
    assert options(pulled)["used"] == 800


def test_a_field_that_is_not_there_is_left_out_and_a_declared_one_is_named(pulled: Any) -> None:
    rows = pulled.rows(Salesforce(), "opportunities")
    assert all("CurrencyIsoCode" not in row for row in rows)
    told = {"custom_fields": {"contacts": {"user_id": "App_User_Id__c"}}}
    assert any(row["App_User_Id__c"] for row in pulled.rows(Salesforce(told), "contacts"))
    wrong = Salesforce({"fields": {"contacts": ["Tier__c"]}})
    with pytest.raises(GiveUp, match="contacts: the login sees no field Tier__c"):
        pulled.rows(wrong, "contacts")
    with pytest.raises(ConfigError, match=r"sources\.salesforce\.feilds"):
        Salesforce({"feilds": {}})


def test_the_next_night_begins_the_lag_before_the_watermark(pulled: Any) -> None:
    rows = sorted(pulled.rows(Salesforce(), "contacts"), key=lambda row: row["SystemModstamp"])
    stamps = [datetime.fromisoformat(row["SystemModstamp"]) for row in rows]
    found = pulled.rows(Salesforce(), "contacts", {"cursor": stamps[-3].isoformat()})
    ages = [(stamps[-3] - stamp).total_seconds() for stamp in stamps]
    assert keys(found) == {row["Id"] for row, age in zip(rows, ages, strict=True) if age <= 3600}
    last = [page.position for page in pulled.pages(Salesforce(), "contacts")][-1]
    assert last == {"cursor": stamps[-1].astimezone(UTC).isoformat()}


def test_an_id_of_15_characters_lands_with_18() -> None:
    stream = Salesforce().streams()[0]
    assert stream.read_key(b'{"Id": "0035e00000AbCdE"}').key == "0035e00000AbCdEAAV"
    assert stream.read_keys([b'{"Id": "0035e00000abcde"}'])[0] == ["0035e00000abcdeAAA"]


def test_a_session_that_ran_out_is_renewed_while_pages_come(pulled: Any) -> None:
    pages = pulled.pages(Salesforce(), "contacts")
    rows = list(next(pages).records)
    options(pulled)["session"] = 2
    rows += [record for page in pages for record in page.records]
    assert len(rows) == len(pulled.rows(Salesforce(), "contacts"))
    asked = [r["path"] for r in pulled.recorder.requests].count("/salesforce/services/oauth2/token")
    assert asked == 3


def test_a_secret_that_is_refused_is_not_repeated(pulled: Any) -> None:
    connection = pulled.recorder.connection("salesforce")
    wrong = type(connection)(**{**connection.__dict__, "password": "wr0ng-canary"})
    with (
        Salesforce().client(wrong) as client,
        pytest.raises(GiveUp, match="invalid_client") as caught,
    ):
        next(Salesforce().streams()[0].pages(client, None, datetime(2026, 3, 31, 3, tzinfo=UTC)))
    assert "canary" not in str(caught.value)


def test_a_count_leaves_out_the_recycle_bin(pulled: Any) -> None:
    rows = pulled.rows(Salesforce(), "contacts")
    with pulled.client(Salesforce()) as client:
        counted = (
            Salesforce()
            .streams()[0]
            .count(client, datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
        )
    assert counted == len([row for row in rows if not row["IsDeleted"]])
