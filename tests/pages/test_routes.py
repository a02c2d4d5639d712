"""Every route there is, walked: who gets in, what they see, and what they never see."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from starlette.routing import Route

from rapport.pages.static import FILES

from ..card.conftest import ANN, BOB, FORMER
from .conftest import CANARIES, RUN, SCRIPT, Client, wait

As = Callable[[str | None], Client]
VALUES = {
    "run_id": [RUN, "../../etc/passwd", SCRIPT],
    "customer_id": [ANN, FORMER, BOB, "c_" + "0" * 20, CANARIES[1], "hubspot:contacts:1"],
    "segment": ["payment_failed", "seg_nobody", SCRIPT],
    "key": ["payment_failed", "open_ticket", "seg_nobody", SCRIPT],
    "date": ["2026-03-31", "..", "2026-99-99"],
    "name": [*FILES, "nps_90d", "churn_rate_30d", "mart_nps_daily.nps_90d", "marts_pii.email",
             f"payment_failed__files__{RUN}__full.csv", "unlisted.csv", "manifest.json",
             "../manifest.json"],
    "path": ["nowhere", "../tonight", "api/v1/nowhere", "openapi.json", "docs"],
}  # fmt: skip
QUERIES = (
    "", "?run=" + RUN, "?before=2026-03-30T00:00:00%2B00:00|t001", "?before=nonsense",
    "?days=30&dimension=country", "?days=0", "?limit=200&after=c_", "?limit=x&after=%00",
    "?sort=email&fields=email", "?lang=ru",
)  # fmt: skip


def routes(app: Any) -> list[Route]:
    found = [route for route in app.routes if isinstance(route, Route)]
    assert len(found) > 15
    assert len(found) == len(app.routes), "a mount would not ask who is there"
    return found


def addresses(route: Route) -> Iterator[str]:
    """The route with each value that may stand in its path."""
    names = [part.strip("{}").partition(":")[0] for part in route.path.split("/") if "{" in part]
    paths = [route.path.replace(":path}", "}")]
    for name in names:
        paths = [
            path.replace("{" + name + "}", value, 1) for path in paths for value in VALUES[name]
        ]
    yield from paths


def bodies(route: Route) -> list[dict[str, Any]]:
    if "search" in route.path:
        return [{"json": {"who": who}} for who in (CANARIES[1], CANARIES[0], "u_0000001")]
    if route.path == "/customers":
        return [{"data": {"who": who}} for who in (CANARIES[1], CANARIES[2], "Canary", ANN)]
    if route.path == "/review":
        pair = {"profile_a": "hubspot:contacts:1", "profile_b": "zendesk:users:2"}
        return [{"data": {"word": word, "token": "x", **pair}} for word in ("same", "back")]
    return [{"data": {"word": "approve", "token": "x", "reason": "y"}}]


def test_nobody_gets_in_without_a_login(app: Any, as_: As) -> None:
    for route in routes(app):
        for path in addresses(route):
            for method in route.methods or ():
                answer = as_(None).request(method, path)
                assert answer.status_code == 401, (method, path)
                assert not any(canary in answer.text for canary in CANARIES)


@pytest.mark.parametrize("reader", ["viewer", "user"])
def test_without_the_right_no_route_filter_error_or_download_shows_a_contact_detail(
    app: Any, as_: As, exported: Any, world: psycopg.Connection[Any], reader: str
) -> None:
    wait(world)
    seen = set()
    for route in routes(app):
        for place, path in enumerate(addresses(route)):
            for method in (route.methods or set()) - {"HEAD"}:
                options = bodies(route) if method == "POST" else [{}]
                queries = QUERIES if method == "GET" and place == 0 else ("",)
                for option in options:
                    for query in queries:
                        answer = as_(reader).request(method, path + query, **option)
                        seen.add(answer.status_code)
                        assert answer.status_code < 500 or answer.status_code == 503, path + query
                        said = answer.text.replace(path, "") + str(answer.headers)
                        for asked in option.values():
                            for value in asked.values():
                                said = said.replace(value, "")
                        assert not any(canary in said for canary in CANARIES), path + query
    assert {200, 403, 404} <= seen
    looks = world.execute(
        "select count(*) from ops.contact_looks where viewer in ('Vera', 'Uma')"
    ).fetchone()
    assert looks == (0,)


def test_a_viewer_sees_numbers_and_no_customer(as_: As) -> None:
    viewer = as_("viewer")
    for path in (
        "/runs",
        "/segments",
        "/segments/payment_failed",
        "/metrics",
        "/metrics/nps_90d",
    ):
        answer = viewer.get(path)
        assert answer.status_code == 200, path
        assert ANN not in answer.text and BOB not in answer.text
    for path in (
        "/customers", f"/customers/{ANN}", f"/customers/{ANN}/identity",
        f"/customers/{ANN}/why/open_ticket", f"/api/v1/customers/{ANN}",
        "/api/v1/segments/open_ticket/members", "/review",
    ):  # fmt: skip
        assert viewer.get(path).status_code == 403, path


def test_who_sees_people_finds_them_by_id_and_by_nothing_else(as_: As) -> None:
    user = as_("user")
    for who in (ANN, FORMER, "hubspot:contacts:1", "u_0000001"):
        answer = user.post("/customers", data={"who": who})
        assert answer.headers.get("location") == f"/customers/{ANN}", who
    for who in (
        CANARIES[1],
        CANARIES[2],
        CANARIES[0],
        "Canary",
        f"files:consent:{CANARIES[5]}",
        f"nextiva:addresses:+49{CANARIES[6]}",
        f"files:callers:0{CANARIES[7]}",
    ):
        assert "No customer matches" in user.post("/customers", data={"who": who}).text, who


def test_every_answer_forbids_foreign_code_and_frames(app: Any, as_: As) -> None:
    for path in ("/runs", "/nowhere", "/api/v1/metrics", "/static/charts.js", "/customers/x"):
        for reader in ("op", None):
            headers = as_(reader).get(path).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_in_it(as_: As) -> None:
    for path in ("/runs", "/customers", f"/customers/{ANN}", "/segments/payment_failed",
                 "/review", "/metrics", "/metrics/nps_90d", "/nowhere"):  # fmt: skip
        page = as_("op").get(path).text
        assert page.count("<script") == page.count('" defer></script>') == 2, path
        assert "<style" not in page and " style=" not in page and "javascript:" not in page
        assert " onclick" not in page
