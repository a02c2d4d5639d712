"""Approving a list that waits, downloading files, and the log of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from rapport.pages.access import HOUR, Reader, is_sealed, seal

from ..card.conftest import ANN
from .conftest import READERS, RUN, SECRET, Client, wait

As = Callable[[str | None], Client]


@pytest.fixture
def waiting(world: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    wait(world)
    return world


def token_of(client: Client) -> str:
    page = client.get("/segments/payment_failed").text
    return page.split('name="token" value="')[1].split('"')[0]


def send(client: Client, **fields: str) -> httpx.Response:
    headers = {"Sec-Fetch-Site": fields.pop("site", "same-origin")}
    data = {"word": "approve", "reason": "new price", **fields}
    return client.post("/segments/payment_failed/decision", data=data, headers=headers)


def state(connection: psycopg.Connection[Any]) -> Any:
    return connection.execute(
        "select state, decision from activation.approvals where segment = 'payment_failed'"
    ).fetchone()


@pytest.mark.parametrize("word", ["approve", "decline"])
def test_a_decision_is_the_one_that_the_command_line_makes(
    as_: As, waiting: psycopg.Connection[Any], word: str
) -> None:
    client = as_("user")
    answer = send(client, word=word, token=token_of(client))
    assert answer.status_code == 303
    assert state(waiting) == (f"{word}d", "new price (Uma, in Airflow)")
    said = client.get(answer.headers["location"]).text
    assert "The next push applies this decision." in said and "new price" in said
    assert 'name="token"' not in said, "nothing waits any more"


def test_a_viewer_cannot_decide_whatever_they_send(
    as_: As, waiting: psycopg.Connection[Any]
) -> None:
    token = seal(SECRET, READERS["viewer"], "decide payment_failed")
    for value in (token, token_of(as_("user"))):
        assert send(as_("viewer"), token=value).status_code == 403
    assert state(waiting) == ("pending", None)


def test_a_form_of_another_site_or_of_somebody_else_decides_nothing(
    as_: As, waiting: psycopg.Connection[Any]
) -> None:
    client = as_("user")
    assert send(client, token="").status_code == 409
    assert send(client, token="99999999999.abc").status_code == 409
    assert send(client, token=token_of(as_("op"))).status_code == 409
    assert send(client, token=token_of(client), site="cross-site").status_code == 403
    assert send(client, token=token_of(client), reason="  ").status_code == 422
    assert send(client, token=token_of(client), word="maybe").status_code == 422
    assert state(waiting) == ("pending", None)


def test_what_changed_after_it_was_looked_at_is_not_decided(
    as_: As, waiting: psycopg.Connection[Any]
) -> None:
    client = as_("user")
    token = token_of(client)
    waiting.execute("update activation.approvals set adds = 20000")
    answer = send(client, token=token)
    assert answer.status_code == 409 and "changed" in answer.text
    assert state(waiting) == ("pending", None)


def test_a_seal_is_good_for_an_hour() -> None:
    ann = Reader("ann")
    token = seal(SECRET, ann, "x", now=1000)
    assert is_sealed(SECRET, ann, "x", token, now=1000 + HOUR)
    assert not is_sealed(SECRET, ann, "x", token, now=1001 + HOUR)
    assert not is_sealed(b"other", ann, "x", token, now=1000)
    assert not is_sealed(SECRET, ann, "y", token, now=1000)


def test_a_download_is_the_file_on_disk_and_is_kept(
    as_: As, exported: dict[str, Path], world: psycopg.Connection[Any]
) -> None:
    world.execute("delete from ops.contact_looks")
    page = as_("op").get("/segments/payment_failed").text
    link = page.split(f"{exported['full'].name}")[0].rsplit('href="', 1)[1]
    answer = as_("op").get(link + exported["full"].name)
    assert answer.content == exported["full"].read_bytes()
    assert "attachment" in answer.headers["Content-Disposition"]
    looks = world.execute(
        "select viewer, subject, people from ops.contact_looks where what = 'download'"
    ).fetchall()
    assert looks == [("Otto", exported["full"].name, 1)]


@pytest.mark.parametrize(
    "path",
    ["2026-03-31/unlisted.csv", "2026-03-31/manifest.json", "2026-03-30/x.csv",
     "2026-03-31/..%2Fmanifest.json", "..%2F..%2F2026-03-31/manifest.json"],
)  # fmt: skip
def test_only_files_that_a_manifest_names_can_be_taken(
    as_: As, exported: dict[str, Path], path: str
) -> None:
    assert as_("op").get(f"/segments/payment_failed/exports/{path}").status_code == 404


def test_a_broken_manifest_offers_nothing(as_: As, exported: dict[str, Path]) -> None:
    (exported["full"].parent / "manifest.json").write_text('{"files": "all"}')
    assert "No files: the segment" in as_("op").get("/segments/payment_failed").text
    path = f"/segments/payment_failed/exports/2026-03-31/{exported['full'].name}"
    assert as_("op").get(path).status_code == 404


def test_each_look_at_contact_details_is_kept_with_who_looked(
    as_: As, world: psycopg.Connection[Any]
) -> None:
    def looks() -> list[Any]:
        rows = world.execute(
            "select viewer, what, customer_id from ops.contact_looks order by look_id"
        ).fetchall()
        world.execute("delete from ops.contact_looks")
        return rows

    world.execute("delete from ops.contact_looks")
    as_("op").get(f"/customers/{ANN}")
    assert looks() == [("Otto", "card", ANN)]
    as_("op").get(f"/api/v1/customers/{ANN}")
    assert looks() == [("Otto", "card", ANN)]
    as_("op").post("/api/v1/customers/search", json={"who": "canary-n"})
    assert looks() == [("Otto", "search", ANN)]
    for key in ("nextiva:addresses:+4930901821", "files:callers:030901822"):
        assert as_("op").post("/customers", data={"who": key}).status_code == 303
        assert looks() == [("Otto", "search", ANN)]
        assert as_("user").post("/customers", data={"who": key}).status_code == 200
        assert as_("user").get(f"/customers/{key}").status_code == 404
        assert looks() == []
    as_("op").get("/segments/open_ticket")
    assert looks() == [("Otto", "list", ANN)]
    as_("user").get(f"/customers/{ANN}")
    as_("viewer").get("/segments/open_ticket")
    as_("op").get("/runs")
    assert looks() == []


def test_what_cannot_be_kept_is_not_shown(as_: As, world: psycopg.Connection[Any]) -> None:
    world.execute("alter table ops.contact_looks rename to looks_elsewhere")
    try:
        answer = as_("op").get(f"/customers/{ANN}")
        assert answer.status_code == 503 and "Canary" not in answer.text
    finally:
        world.execute("alter table ops.looks_elsewhere rename to contact_looks")


def test_the_report_of_a_night_is_served_to_who_is_logged_in(
    as_: As, world: psycopg.Connection[Any]
) -> None:
    from rapport.pages import report

    assert as_("viewer").get(f"/runs/{RUN}/report").status_code == 404
    world.execute("create table if not exists identity.excluded_edges (reason text)")
    path = report.write(RUN)
    assert as_("viewer").get(f"/runs/{RUN}/report").content == path.read_bytes()
    assert as_("viewer").get("/runs/..%2F..%2Fx/report").status_code == 404
