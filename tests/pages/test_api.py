"""The API: what it describes is what it does."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    response_schema_conformance,
    status_code_conformance,
)

from ..card.conftest import ANN, BOB, FORMER
from .conftest import CANARIES, Client

As = Callable[[str | None], Client]
V1 = "/api/v1"


def test_the_card_of_the_api_is_the_card(as_: As) -> None:
    card = as_("op").get(f"{V1}/customers/{FORMER}").json()
    assert card["customer_id"] == ANN
    assert {value["name"]: value["value"] for value in card["who"]["contact"]}["email"] == CANARIES[
        1
    ]
    assert card["did"]["conversations"]["latest"][0]["is_open"]
    assert as_("user").get(f"{V1}/customers/{ANN}").json()["who"]["contact"] == []


def test_members_come_in_pages_by_id(as_: As) -> None:
    first = as_("user").get(f"{V1}/segments/payment_failed/members?limit=1").json()
    assert [member["customer_id"] for member in first["members"]] == [ANN]
    second = (
        as_("user")
        .get(f"{V1}/segments/payment_failed/members?limit=1&after={first['next']}")
        .json()
    )
    assert [member["customer_id"] for member in second["members"]] == [BOB]
    assert second["next"] is None


def test_a_metric_has_its_days_and_its_description(as_: As) -> None:
    listed = as_("viewer").get(f"{V1}/metrics").json()
    assert {"nps_90d", "churn_rate_30d"} == {entry["metric"] for entry in listed["metrics"]}
    metric = as_("viewer").get(f"{V1}/metrics/nps_90d?days=10").json()
    assert metric["mart"] == "mart_nps_daily" and metric["value"] == -2.5
    assert len(metric["days"]) == 10 == len(metric["lines"][0]["values"])
    assert metric["description"] == "NPS by day."


def test_what_did_not_change_is_not_sent_again(as_: As) -> None:
    first = as_("viewer").get(f"{V1}/segments")
    tag = first.headers["ETag"]
    again = as_("viewer").get(f"{V1}/segments", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert as_("viewer").get(f"{V1}/segments", headers={"If-None-Match": '"x"'}).status_code == 200
    assert "no-store" in as_("op").get("/runs").headers["Cache-Control"], "pages are not kept"


def test_a_problem_says_what_and_repeats_nothing(as_: As) -> None:
    answer = as_("op").post(f"{V1}/customers/search", json={"whom": CANARIES[1]})
    assert answer.status_code == 422
    assert CANARIES[1] not in answer.text and "who" in answer.json()["detail"]
    assert as_("op").get(f"{V1}/customers/c_{'0' * 20}").status_code == 404
    assert as_(None).get(f"{V1}/metrics").json() == {"detail": "Not authenticated"}


def test_the_description_names_every_route_and_only_reads(app: Any, as_: As) -> None:
    described = as_("viewer").get(f"{V1}/openapi.json").json()
    paths = {route.path for route in app.routes if route.path.startswith(V1)}
    assert set(described["paths"]) == paths - {f"{V1}/openapi.json"}
    methods = {(path, method) for path, entry in described["paths"].items() for method in entry}
    assert {method for path, method in methods if not path.endswith("/search")} == {"get"}


@pytest.mark.parametrize("reader", ["op", "viewer"])
def test_no_question_that_the_description_allows_breaks_it_or_the_server(
    as_: As, reader: str
) -> None:
    schema = schemathesis.openapi.from_dict(as_("op").get(f"{V1}/openapi.json").json())
    client = as_(reader)
    asked = 0
    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            sent = case.as_transport_kwargs(base_url="http://rapport")
            method, url = sent.pop("method"), sent.pop("url")
            sent.pop("cookies", None)
            answer = client.request(method, url, **sent)
            case.validate_response(
                Response.from_httpx(answer, verify=False),
                checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
            )

        ask()
    assert asked > 30
