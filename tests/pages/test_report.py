"""The report of a night: what it says, that it is safe to open, and how a browser shows it."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.errors import ConfigError
from rapport.pages import report
from rapport.runs.overview import is_unusual, read_run
from rapport.runs.run import Run
from rapport.runs.summary import summarise
from rapport.tasks.closing import close

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
RUN = "20260331T030000Z-01"
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def night(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection[Any]:
    """A published night with one source, 90 days of one metric, one list."""
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    execute = warehouse.execute
    execute("insert into ops.nights (run_id, as_of) values (%s, %s)", (RUN, AS_OF))
    for name, kind, result in (
        ("resolve customers", "resolve", '{"total": 2275, "new": 7, "merged": 2, "split": 1}'),
        ("publish", "publish", "{}"),
    ):
        execute(
            "insert into ops.stages (run_id, name, kind, seconds, status, result)"
            " values (%s, %s, %s, 1.5, 'succeeded', %s)",
            (RUN, name, kind, result),
        )
    execute("insert into ops.publications (run_id, as_of) values (%s, %s)", (RUN, AS_OF))
    execute(
        "insert into raw.loads (run_id, source, stream, as_of, read, landed, finished_at)"
        " values (%s, 'zendesk', 'tickets', %s, 12, 9, now())",
        (RUN, AS_OF),
    )
    execute("create schema if not exists marts")
    execute(
        """
        create table marts.data_status (source text, streams int, last_good_as_of timestamptz,
            is_stale boolean, stale_streams text[], as_of timestamptz, gate_state text);
        create table marts.mart_metrics_latest
            (metric text, as_of timestamptz, value numeric, n integer);
        create table marts.mart_csat_daily
            (response_date date, scale text, responses integer, csat_90d numeric);
        """
    )
    execute(
        "insert into marts.data_status values ('zendesk', 5, %s, false, '{}', %s, 'passed')",
        (AS_OF, AS_OF),
    )
    execute("insert into marts.mart_metrics_latest values ('csat_90d', %s, 61.5, 30)", (AS_OF,))
    for days in range(100):
        execute(
            "insert into marts.mart_csat_daily values (%s, '1-5', 3, %s)",
            (AS_OF.date() - timedelta(days=days), 60 + days % 7),
        )
    execute(
        "insert into activation.sync_runs (sync_id, sync_run_id, run_id, destination, segment,"
        " model_name, status, as_of, members, held, num_succeeded_add)"
        " values ('x', 'x', %s, 'intercom', 'open_ticket', 'seg', 'success', %s, 46, 44, 3)",
        (RUN, AS_OF),
    )
    return warehouse


def written() -> str:
    return report.write(RUN).read_text(encoding="utf-8")


def test_the_report_says_how_the_night_was_and_what_it_did(
    night: psycopg.Connection[Any],
) -> None:
    night.execute("update ops.nights set status = 'succeeded'")
    page = written()
    assert "Everything succeeded" in page and "2,275" in page and "61.5" in page
    assert "zendesk tickets" in page and "open ticket" in page


def test_the_curve_of_a_headline_is_that_of_the_column_it_is_named_after(
    night: psycopg.Connection[Any],
) -> None:
    page = written()
    assert "data-plot=" in page and "csat 90d" in page
    first = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert f"[{first}," in page, "the 90 days up to the night, no more"
    assert str(int(datetime(2025, 12, 31, tzinfo=UTC).timestamp())) not in page


def test_what_failed_stands_before_everything_else(night: psycopg.Connection[Any]) -> None:
    night.execute(
        "insert into ops.stages (run_id, name, kind, subject, seconds, status, error)"
        " values (%s, 'land typeform', 'land', 'typeform', 1, 'failed', 'GiveUp: typeform: 401')",
        (RUN,),
    )
    night.execute("update ops.nights set status = 'partial'")
    page = written()
    assert page.index("GiveUp: typeform: 401") < page.index("Freshness")
    assert read_run(night, RUN).health == "attention"


@pytest.mark.parametrize(
    ("status", "health"),
    [("running", "running"), ("succeeded", "good"), ("partial", "attention"), ("failed", "bad")],
)
def test_health_follows_the_night(night: psycopg.Connection[Any], status: str, health: str) -> None:
    night.execute("update ops.nights set status = %s", (status,))
    assert read_run(night, RUN).health == health


def test_a_list_that_waits_needs_attention_in_a_good_night(
    night: psycopg.Connection[Any],
) -> None:
    night.execute("update ops.nights set status = 'succeeded'")
    night.execute(
        "insert into activation.approvals (destination, segment, state, cause, adds, removes,"
        " members, held, requested_at, run_id) values"
        " ('intercom', 'open_ticket', 'pending', 'too many', 1, 2, 3, 4, %s, %s)",
        (AS_OF, RUN),
    )
    assert read_run(night, RUN).health == "attention"
    assert "too many" in written()


def test_hostile_text_is_text(night: psycopg.Connection[Any]) -> None:
    night.execute("update raw.loads set warning = %s", (HOSTILE,))
    night.execute("update marts.mart_csat_daily set scale = %s", (HOSTILE,))
    night.execute("update activation.sync_runs set segment = %s, error = %s", (HOSTILE, HOSTILE))
    night.execute(
        "insert into ops.stages (run_id, name, kind, status, error)"
        " values (%s, %s, 'other', 'failed', %s)",
        (RUN, HOSTILE, HOSTILE),
    )
    page = written()
    assert page.count("<script") == 2, "the library and its caller"
    assert "<img" not in page and page.count("&lt;script&gt;") >= 4


def test_the_report_loads_nothing(night: psycopg.Connection[Any]) -> None:
    page = written()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None and "default-src &#39;none&#39;" in policy[1]
    assert not re.search(r"<(link|iframe|object|embed|base)\b|\bsrc=|@import|url\(", page)


def test_a_night_that_published_nothing_has_a_report_too(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))
    warehouse.execute(
        "insert into ops.nights (run_id, as_of, status) values (%s, %s, 'failed')", (RUN, AS_OF)
    )
    page = written()
    assert "The run failed" in page and "This run loaded nothing" in page


def test_a_run_that_never_was_is_refused(warehouse: psycopg.Connection[Any]) -> None:
    with pytest.raises(ConfigError, match="no run has the id"):
        report.write("20990101T000000Z-01")


def test_closing_a_night_writes_its_report(night: psycopg.Connection[Any]) -> None:
    assert close(Run(RUN, AS_OF)).status == "succeeded"
    assert report.path_of(RUN).is_file()


def test_a_report_that_cannot_be_drawn_fails_no_night(
    night: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(run_id: str) -> Path:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr(report, "write", broken)
    assert close(Run(RUN, AS_OF)).status == "succeeded"
    assert "was not written: RuntimeError" in caplog.text and "script" not in caplog.text


def test_only_far_from_usual_is_unusual() -> None:
    assert is_unusual({"usual": 100, "landed": 10})
    assert is_unusual({"usual": 100, "landed": 600})
    assert not is_unusual({"usual": 100, "landed": 40})
    assert not is_unusual({"usual": 5, "landed": 0}), "too few to judge"
    assert not is_unusual({"usual": None, "landed": 10})


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Debian's Chromium without a screen."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver on this machine: the page is not looked at")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(driver))
    yield made
    made.quit()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_draws_it_at_the_width_of_a_phone_in_both_themes(
    night: psycopg.Connection[Any], browser: Any, theme: str
) -> None:
    night.execute("update raw.loads set warning = %s", (HOSTILE,))
    path = report.write(RUN)
    width = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", width)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())
    run = browser.execute_script
    assert run("return document.querySelectorAll('.plot canvas').length") == 1
    assert run("return document.documentElement.scrollWidth") <= 390, "no scrolling sideways"
    assert "owned" not in browser.title
    paper = run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (theme == "dark")
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_the_summary_and_the_page_of_a_run_have_the_same_counts(
    night: psycopg.Connection[Any],
) -> None:
    night.execute(
        "insert into quality.results (run_id, gate, source, guard, expectation, severity, success)"
        " values (%(run)s, 'arrival', 'zendesk', 'loads', 'a', 'critical', true),"
        " (%(run)s, 'arrival', 'files', 'loads', 'a', 'critical', false)",
        {"run": RUN},
    )
    summary, page = summarise(Run(RUN, AS_OF)), read_run(night, RUN)
    assert summary.customers.model_dump() == page.customers
    assert [stage.name for stage in summary.stages] == [stage["name"] for stage in page.stages]
    (stream,) = page.streams
    assert summary.sources["zendesk"]["tickets"].landed == stream["landed"] == 9
    gate = summary.gates["arrival"]
    assert (gate.passed, gate.failed) == (1, 1)
    assert gate.failed == sum(row["failed"] for row in page.gates if row["gate"] == "arrival")
