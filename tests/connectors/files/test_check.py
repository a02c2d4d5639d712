"""`rapport files check` says what a load would land, and lands nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from rapport.cli import application
from rapport.cli import files as command
from rapport.connectors.files import file_rows as reading
from rapport.connectors.files.source import Files
from rapport.errors import ConfigError

Check = Callable[..., Result]
ORDERS = (
    "id,email,when,sum,state\n"
    "1,k@m.example,2026-03-01,10.00,paid\n"
    "2,j@m.example,31.12.2025,12.00,paid\n"
    "3,j@m.example,2026-03-02,1.234,Versandt\n"
    "4,j@m.example,01.02.2026,12.00,paid\n"
    "5,,2026-03-03,5.00,Versandt\n"
    "6,k@m.example,2026-03-04,5.00,+49 30 901820 of Kilian\n"
    "7,k@m.example,2026-03-04,5.00,test\n"
)
SHOP = {
    "path": "in/o*.csv", "format": "csv", "entity": "orders", "key": ["id"],
    "columns": {"order_id": "id", "email": "email", "ordered_at": "when", "amount": "sum",
                "status": "state"},
    "exclude": {"state": ["test"]},
}  # fmt: skip


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Writes files and rapport.yml and runs the command; there is no warehouse."""
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path))
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "rapport.yml"))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://nobody@127.0.0.1:1/none")
    (tmp_path / "in").mkdir()

    def check(
        datasets: dict[str, Any], files: dict[str, str], *arguments: str, **settings: Any
    ) -> Result:
        for name, text in files.items():
            (tmp_path / "in" / name).write_text(text, encoding="utf-8")
        config = {
            "company": {"name": "X", "timezone": "UTC"},
            "sources": {"files": {"datasets": datasets}},
            **settings,
        }
        (tmp_path / "rapport.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        return CliRunner().invoke(application, ["files", "check", *arguments])

    return check


def data(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_rejected_rows_are_counted_by_reason_with_three_places(check: Check) -> None:
    result = check({"shop": SHOP}, {"o.csv": ORDERS}, "--json")
    [found] = data(result)
    assert result.exit_code == 1
    assert (found["read"], found["would_land"], found["rejected"], found["excluded"]) == (
        7,
        4,
        3,
        1,
    )
    assert sum(one["rows"] for one in found["rejections"].values()) == 3
    reason, one = next(item for item in found["rejections"].items() if "ISO 8601" in item[0])
    assert (one["column"], one["rows"]) == ("when", 2)
    assert one["examples"] == [
        {"file": "o.csv", "line": 3, "written": "99.99.9999"},
        {"file": "o.csv", "line": 5, "written": "99.99.9999"},
    ]
    assert "format" in reason


def test_unknown_words_are_shown_unless_they_may_be_of_a_person(check: Check) -> None:
    [found] = data(check({"shop": SHOP}, {"o.csv": ORDERS}, "--json"))
    assert found["unknown_words"] == {"status": {"Versandt": 1, "+99 99 999999 aa aaaaaa": 1}}


def test_each_column_says_what_it_would_hold(check: Check) -> None:
    [found] = data(check({"shop": SHOP}, {"o.csv": ORDERS}, "--json"))
    assert found["columns"]["order_id"] == {"filled": 3, "example": "9"}
    assert found["columns"]["email"]["filled"] == 2
    assert found["columns"]["ordered_at"]["example"] == "9999-99-99a99:99:99a"
    assert found["without_person"] == 1


def test_nothing_of_a_person_is_printed_and_the_table_says_the_same(check: Check) -> None:
    result = check({"shop": SHOP}, {"o.csv": ORDERS}, "shop")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "2 rejected: column when" in said and "o.csv line 3, written like 99.99.9999" in said
    assert "Versandt (1)" in said
    assert not [name for name in ("k@m", "Kilian", "901820") if name in result.output]


def test_lines_of_an_order_are_counted_and_added_up(check: Check) -> None:
    shop = {**SHOP, "rows": "lines", "exclude": {}}
    text = "id,email,when,sum,state\n1,k@m.example,2026-03-01,10,paid\n1,,,5,\n"
    result = check({"shop": shop}, {"o.csv": text}, "--json")
    [found] = data(result)
    assert (found["read"], found["objects"], result.exit_code) == (2, 1, 0)
    assert "lines of one order and are added up" in found["rows"]


def test_answers_off_the_scale_are_counted(check: Check) -> None:
    dataset = {
        "path": "in/s.csv", "format": "csv", "entity": "survey_responses", "key": ["id"],
        "columns": {"response_id": "id", "email": "email", "responded_at": "when"},
    }  # fmt: skip
    text = "id,email,when,Q\n1,k@m.example,2026-03-01,11\n2,j@m.example,2026-03-01,9\n"
    surveys = {"files": {"s": {"Q": "nps"}}}
    result = check({"s": dataset}, {"s.csv": text}, "--json", surveys=surveys)
    [found] = data(result)
    assert found["odd"] == {"Q": {"off the scale": 1}} and result.exit_code == 0


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"o.csv": "id,email\n1,k@m.example\n"}, "has no column"),
        ({}, "no file|is not there"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_fails(
    check: Check, files: dict[str, str], wanted: str
) -> None:
    result = check({"shop": {**SHOP, "path": "in/o.csv"}}, files, "--json")
    [found] = data(result)
    assert result.exit_code == 1
    assert any(part in found["problem"] for part in wanted.split("|"))


def test_all_datasets_are_checked_and_one_by_its_name(check: Check) -> None:
    good = {"path": "in/g.csv", "format": "csv", "entity": "contacts", "key": ["id"],
            "columns": {"customer_id": "id"}}  # fmt: skip
    files = {"o.csv": ORDERS, "g.csv": "id\n1\n"}
    assert len(data(check({"shop": SHOP, "good": good}, files, "--json"))) == 2
    only = check({"shop": SHOP, "good": good}, files, "good", "--json")
    assert only.exit_code == 0 and [one["dataset"] for one in data(only)] == ["good"]
    missing = check({"shop": SHOP}, files, "other")
    assert isinstance(missing.exception, ConfigError) and "shop" in str(missing.exception)


def test_a_long_check_says_how_far_it_is(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(reading, "PAGE_ROWS", 2)
    result = check({"shop": SHOP}, {"o.csv": ORDERS}, "--json")
    assert re.search(r"files shop: \d rows read", result.stderr)
    assert data(result)[0]["read"] == 7


def test_the_check_counts_what_a_load_lands(check: Check, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from rapport.vendors.http import Client

    [found] = data(check({"shop": SHOP}, {"o1.csv": ORDERS, "o2.csv": ORDERS}, "--json"))
    [stream] = Files({"datasets": {"shop": SHOP}}).streams()
    pages = list(stream.pages(Client("", name="files"), None, datetime.now(UTC)))
    assert found["would_land"] == sum(len(page.records) for page in pages)
    assert found["rejected"] == sum(len(page.rejected) for page in pages)
