"""The plugin inside Airflow's real api-server: its login, its roles, and a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import ROOT

from ..card.conftest import ANN, FORMER
from .conftest import CANARIES, wait
from .running import Airflow, password_of, running

pytestmark = pytest.mark.slow

USERS = {"vera": "viewer", "uma": "user", "otto": "op", "ada": "admin"}
AXE = os.environ.get("RAPPORT_AXE", "")


@pytest.fixture(scope="module")
def airflow(
    company: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """One api-server for all tests of this file."""
    with running(postgres, company, tmp_path_factory.mktemp("airflow"), USERS) as started:
        yield started


def test_airflow_asks_who_is_there_before_any_page(airflow: Airflow) -> None:
    for path in ("/", "/runs", "/customers", f"/customers/{ANN}", "/review", "/segments",
                 "/metrics", "/static/rapport.css", "/api/v1/openapi.json", "/nowhere",
                 "/docs"):  # fmt: skip
        assert airflow.get(f"/rapport{path}").status_code in (401, 307), path
        assert airflow.client.get(f"/rapport{path}", follow_redirects=True).status_code == 401
        forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
        assert airflow.client.get(
            f"/rapport{path}", headers=forged, follow_redirects=True
        ).status_code in (401, 403), path


@pytest.mark.parametrize(
    ("name", "numbers", "people", "contacts"),
    [("vera", 200, 403, False), ("uma", 200, 200, False), ("otto", 200, 200, True),
     ("ada", 200, 200, True)],
)  # fmt: skip
def test_airflow_roles_decide_who_sees_what(
    airflow: Airflow, name: str, numbers: int, people: int, contacts: bool
) -> None:
    assert airflow.get("/rapport/runs", name).status_code == numbers
    answer = airflow.get(f"/rapport/api/v1/customers/{ANN}", name)
    assert answer.status_code == people
    assert (CANARIES[1] in answer.text) == contacts
    by_cookie = airflow.get(f"/rapport/customers/{ANN}", name, cookie=True)
    assert by_cookie.status_code == people
    assert (CANARIES[1] in by_cookie.text) == contacts


def test_airflow_shows_the_pages_in_its_navigation(airflow: Airflow) -> None:
    plugins = airflow.get("/api/v2/plugins", "ada").json()["plugins"]
    mine = next(plugin for plugin in plugins if plugin["name"] == "rapport")
    assert [view["name"] for view in mine["external_views"]] == [
        "Runs", "Customers", "Segments", "Metrics"
    ]  # fmt: skip
    assert not any(view["href"].startswith("/") for view in mine["external_views"])
    assert airflow.get("/api/v2/plugins/importErrors", "ada").json()["total_entries"] == 0


def test_a_plugin_that_is_loaded_imports_nothing_and_asks_no_warehouse() -> None:
    code = (
        "import sys; sys.path.insert(0, 'plugins'); import airflow.plugins_manager as _;"
        "before = set(sys.modules); import rapport_plugin;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True,
        check=True, env={**os.environ, "AIRFLOW_CONN_WAREHOUSE": "postgresql://nobody:0/x"},
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1] == "['rapport_plugin']"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Debian's Chromium without a screen."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver on this machine: the pages are not looked at")
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
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(argument)
    downloads = {"download.default_directory": str(tmp_path / "downloads")}
    options.add_experimental_option("prefs", downloads)
    made = webdriver.Chrome(options=options, service=Service(driver))
    made.implicitly_wait(20)
    yield made
    made.quit()


def test_somebody_logs_in_finds_a_person_reads_the_card_and_approves_a_list(
    airflow: Airflow, browser: Any, company: str, postgres: str
) -> None:
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def reads(selector: str, text: str) -> None:
        """Wait until it does: the page that is left may still be there."""
        gone = [StaleElementReferenceException]
        WebDriverWait(browser, 30, ignored_exceptions=gone).until(
            lambda _: text in find(selector).text
        )

    with psycopg.connect(re.sub(r"/[^/]+$", f"/{company}", postgres), autocommit=True) as admin:
        wait(admin, "payment_failed")
        browser.get(f"{airflow.address}/auth/login?next={airflow.address}/rapport/customers")
        find("input[name=username]").send_keys("otto")
        find("input[name=password]").send_keys(password_of("otto"))
        find("button[type=submit]").click()
        find("#who").send_keys(FORMER)
        find("form.search button").click()
        reads("h1", CANARIES[0])
        assert browser.current_url.endswith(f"/rapport/customers/{ANN}")
        assert "owned" not in browser.title
        _no_serious_barrier(browser)
        find("a[href$='/why/payment_failed']").click()
        reads("h2", "Conditions")
        browser.get(f"{airflow.address}/rapport/segments/payment_failed")
        find("#reason").send_keys("seen in a browser")
        find("button[value=approve]").click()
        reads("p[role=status]", "approved")
        decided = admin.execute(
            "select state, decision from activation.approvals where segment = 'payment_failed'"
        ).fetchone()
        assert decided == ("approved", "seen in a browser (otto, in Airflow)")
        browser.get(f"{airflow.address}/rapport/metrics/nps_90d")
        assert find("figure canvas").is_displayed()
        _no_serious_barrier(browser)
        for path in ("runs", f"customers/{ANN}", "review", "segments/payment_failed", "metrics"):
            for theme in ("light", "dark"):
                _shown_on_a_phone(browser, f"{airflow.address}/rapport/{path}", theme)
                _no_serious_barrier(browser)


def _shown_on_a_phone(browser: Any, url: str, theme: str) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(url)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= 390, f"{url} scrolls sideways on a phone"
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (theme == "dark")


def _no_serious_barrier(browser: Any) -> None:
    """What axe-core finds, where `RAPPORT_AXE` names its axe.min.js; else nothing is checked."""
    if not AXE:
        return
    # By the debugger, since the pages let no script in but their own.
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": Path(AXE).read_text()})
    found = browser.execute_cdp_cmd(
        "Runtime.evaluate",
        {"expression": "axe.run().then(found => JSON.stringify(found.violations))",
         "awaitPromise": True},
    )  # fmt: skip
    serious = [
        (entry["id"], [node["target"] for node in entry["nodes"]][:3])
        for entry in json.loads(found["result"]["value"])
        if entry["impact"] in ("serious", "critical")
    ]
    assert serious == [], browser.current_url
