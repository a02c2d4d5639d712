"""Zoho's traps: converted and deleted records, tokens that end, nothing that is a 304."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.zoho import client as _zoho
from rapport.connectors.zoho.source import Zoho
from rapport.errors import ConfigError, GiveUp, RetryLater


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zoho, "LARGEST_PAGE", 7)


def options(pulled: Any) -> dict[str, Any]:
    held: dict[str, Any] = pulled.recorder.gate.limits.options.setdefault("zoho", {})
    return held


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def live(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if "deleted_time" not in row]


def test_converted_leads_come_with_the_contact_that_they_became(pulled: Any) -> None:
    leads = live(pulled.rows(Zoho(), "leads"))
    contacts = ids(pulled.rows(Zoho(), "contacts"))
    became = {lead["Converted_Contact"]["id"] for lead in leads if lead["Converted__s"]}
    assert became
    assert became & contacts
    assert any(not lead["Converted__s"] for lead in leads)


def test_deleted_records_land_as_a_newer_version_that_says_so(pulled: Any) -> None:
    rows = pulled.rows(Zoho(), "contacts")
    gone = [row for row in rows if "deleted_time" in row]
    assert {row["type"] for row in gone} == {"recycle", "permanent"}
    assert not ids(gone) & ids(live(rows))
    last = max(row["Modified_Time"] for row in live(rows))
    assert ids(gone) <= ids(pulled.rows(Zoho(), "contacts", {"cursor": last}))


def test_rows_come_in_the_order_in_which_they_changed(pulled: Any) -> None:
    stamps = [row["Modified_Time"] for row in live(pulled.rows(Zoho(), "contacts"))]
    assert stamps == sorted(stamps, key=datetime.fromisoformat)
    assert len(set(stamps)) > 20


def test_the_next_night_begins_the_lag_before_the_watermark(pulled: Any) -> None:
    rows = live(pulled.rows(Zoho(), "contacts"))
    cursor = datetime.fromisoformat(rows[-5]["Modified_Time"])
    found = live(pulled.rows(Zoho(), "contacts", {"cursor": cursor.isoformat()}))
    begun = cursor - timedelta(hours=1)
    expected = [row for row in rows if datetime.fromisoformat(row["Modified_Time"]) >= begun]
    assert found == expected
    assert len(found) < len(rows)


def test_nothing_that_changed_is_no_error(pulled: Any) -> None:
    assert live(pulled.rows(Zoho(), "contacts", {"cursor": "2026-04-02T03:00:00+00:00"})) == []


@pytest.mark.parametrize("limit", ["most", "expired"])
def test_where_a_page_token_ends_the_walk_begins_again_from_the_last_stamp(
    pulled: Any, limit: str
) -> None:
    whole = ids(live(pulled.rows(Zoho(), "contacts")))
    options(pulled)[limit] = 14
    pulled.recorder.requests.clear()
    assert ids(live(pulled.rows(Zoho(), "contacts"))) == whole
    begun = [
        asked["headers"]["if-modified-since"]
        for asked in pulled.recorder.requests
        if "if-modified-since" in asked["headers"] and "page_token" not in asked["query"]
    ]
    assert len(set(begun)) > 2


def test_more_rows_of_one_moment_than_a_token_leads_to_are_said(
    pulled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport_sandbox.vendors.zoho.stamp", lambda moment: "2026-03-01T10:00:00Z")
    options(pulled)["most"] = 14
    with pytest.raises(GiveUp, match="the pages end before the rows do"):
        list(itertools.islice(pulled.pages(Zoho(), "contacts"), 50))


def test_a_count_leaves_out_what_is_deleted(pulled: Any) -> None:
    rows = live(pulled.rows(Zoho(), "contacts"))
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    made = [datetime.fromisoformat(row["Created_Time"]) for row in rows]
    with pulled.client(Zoho()) as client:
        counted = Zoho().streams()[0].count(client, start, end)
    assert counted == len([moment for moment in made if start <= moment < end]) > 0


def test_a_declared_field_is_asked_for_and_one_that_is_not_there_is_named(pulled: Any) -> None:
    told = {"custom_fields": {"contacts": {"user_id": "App_User_Id"}}}
    assert any(row["App_User_Id"] for row in live(pulled.rows(Zoho(told), "contacts")))
    with pytest.raises(GiveUp, match="contacts: the login sees no field Tier"):
        pulled.rows(Zoho({"fields": {"contacts": ["Tier"]}}), "contacts")
    with pytest.raises(ConfigError, match="at most 50"):
        Zoho({"fields": {"contacts": [f"F{n}" for n in range(40)]}}).streams()
    with pytest.raises(ConfigError, match=r"sources\.zoho\.feilds"):
        Zoho({"feilds": {}})


def test_a_token_that_ran_out_is_renewed_while_pages_come(pulled: Any) -> None:
    pages = pulled.pages(Zoho(), "contacts")
    rows = [json.loads(bytes(record)) for record in next(pages).records]
    options(pulled)["session"] = 2
    rows += [json.loads(bytes(record)) for page in pages for record in page.records]
    assert ids(rows) == ids(pulled.rows(Zoho(), "contacts"))


def test_a_login_that_is_refused_with_a_200_gives_up_and_too_many_tokens_wait(pulled: Any) -> None:
    right = pulled.recorder.connection("zoho")
    wrong = type(right)(**{**right.__dict__, "extra": {"refresh_token": "canary"}})
    stream, as_of = Zoho().streams()[0], datetime(2026, 3, 31, 3, tzinfo=UTC)
    with Zoho().client(wrong) as client, pytest.raises(GiveUp, match="invalid_code") as caught:
        next(stream.pages(client, None, as_of))
    assert "canary" not in str(caught.value)
    options(pulled)["too_many_tokens"] = 1
    with pytest.raises(RetryLater, match="Access Denied"):
        pulled.rows(Zoho(), "contacts")
    missing = type(right)(**{**right.__dict__, "extra": {}})
    with pytest.raises(ConfigError, match="refresh_token"):
        Zoho().client(missing)
