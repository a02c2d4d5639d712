"""A company whose people wrote hostile text into every field, and readers of each kind."""

import asyncio
import csv
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from fastapi import HTTPException, Request
from tests.conftest import drop_database, point_to

from rapport.pages.access import Reader
from rapport.pages.app import application
from rapport.pages.database import Warehouse

from ..card.conftest import ANN, BOB, FORMER, NIGHT, Marts, days_ago

METRICS = Path(__file__).resolve().parents[2] / "dbt_project/models/metrics"
RUN = "20260331T030000Z-01"
SECRET = b"secret of the tests"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
HOSTILE = f"{SCRIPT} {{{{ 7*7 }}}} =1+1 \u202e\u200b\u0007 ' \" & " + "long" * 2500
# What nobody may see without the right to contact details; each is in one field of Ann.
CANARIES = (
    "Canary-Name", "canary-mail@example.com", "+4930901820", "Canary-Subject", "Canary-Comment",
    "canary-consent@example.com", "30901821", "30901822",
)  # fmt: skip
CONTACTS = """
create table intermediate.int_contacts_unioned (
    profile_id text, full_name text, first_name text, last_name text, email text, phone text,
    user_id text, birth_date date, street text, postal_code text, city text, region text,
    country text, company_name text
)
"""
READERS = {
    "viewer": Reader("Vera"),
    "user": Reader("Uma", sees_people=True),
    "op": Reader("Otto", sees_people=True, sees_contacts=True),
}


async def by_header(request: Request) -> Reader:
    """The reader that the test names; nobody without."""
    name = request.headers.get("x-reader")
    if name not in READERS:
        raise HTTPException(401, "Not authenticated")
    return READERS[name]


class Client:
    """Requests to the application in this process, as one reader."""

    def __init__(self, app: Any, reader: str | None, raise_errors: bool = False) -> None:
        self.app, self.raise_errors = app, raise_errors
        self.headers = {"x-reader": reader} if reader else {}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; redirects are not followed."""
        headers = {**self.headers, **options.pop("headers", {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=self.raise_errors)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://rapport", trust_env=False
            ) as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


@pytest.fixture(scope="session")
def company(
    postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a database with one published night, made once."""
    name = f"pages_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        with pytest.MonkeyPatch.context() as patch:
            point_to(patch, postgres, name)
            from rapport.warehouse import connect

            with connect(autocommit=True) as connection:
                fill(Marts(connection))
        yield name
        drop_database(admin, name)


@pytest.fixture
def world(
    company: str, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[Any]]:
    """The company is the warehouse of this test; what it writes below `var` is its own."""
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    point_to(monkeypatch, postgres, company)
    from rapport.warehouse import connect

    with connect(autocommit=True) as connection:
        yield connection


@pytest.fixture
def app(world: psycopg.Connection[Any]) -> Iterator[Any]:
    """The application with readers by header."""
    warehouse = Warehouse()
    yield application(by_header, lambda: SECRET, warehouse)
    warehouse.close()


@pytest.fixture
def as_(app: Any) -> Callable[[str | None], Client]:
    """A client as a reader: `as_("viewer").get("/runs")`."""
    return lambda reader: Client(app, reader)


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, Path]:
    """One export of `payment_failed` on disk, by kind of file."""
    folder = tmp_path / "var/exports/payment_failed/files/2026-03-31"
    folder.mkdir(parents=True)
    files, entries = {}, []
    for kind in ("full", "added"):
        path = folder / f"payment_failed__files__{RUN}__{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([["customer_id", "email"], [ANN, CANARIES[1]]])
        content = path.read_bytes()
        entries.append(
            {"name": path.name, "kind": kind, "rows": 1, "bytes": len(content),
             "sha256": hashlib.sha256(content).hexdigest()}
        )  # fmt: skip
        files[kind] = path
    (folder / "unlisted.csv").write_text("customer_id\n")
    (folder / "manifest.json").write_text(json.dumps({"run_id": RUN, "files": entries}))
    return files


def fill(marts: Marts) -> None:
    """Ann with everything, Bob with little; every free text is hostile."""
    connection, add = marts.connection, marts.add
    for name in ("mart_metrics_latest", "mart_nps_daily", "mart_churn_monthly"):
        content = yaml.safe_load((METRICS / f"{name}.yml").read_text(encoding="utf-8"))
        columns = content["models"][0]["columns"]
        typed = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
        connection.execute(f"create table marts.{name} ({typed})")
    connection.execute("comment on table marts.mart_nps_daily is 'NPS by day.'")
    connection.execute("create table if not exists identity_build.int_identity_edges"
                       " (profile_key bigint, identifier_key bigint, identifier_type text,"
                       " weight integer)")  # fmt: skip
    add("ops.nights", run_id=RUN, as_of=NIGHT, status="succeeded")
    add("ops.publications", run_id=RUN, as_of=NIGHT)
    plan = {"segment": "payment_failed", "destination": "files", "state": "waiting",
            "members": 2, "not_sent": {"no_consent": 1}}  # fmt: skip
    for name, kind, result in (
        ("resolve customers", "resolve", {"total": 2, "new": 1, "merged": 1, "split": 0}),
        ("plan", "plan", {"lists": [plan]}),
    ):
        add("ops.stages", run_id=RUN, name=name, kind=kind, seconds=1, status="succeeded",
            result=json.dumps(result))  # fmt: skip
    add("ops.stages", run_id=RUN, name=f"land {SCRIPT}", kind="land",
        subject=SCRIPT, seconds=1, status="failed", error=HOSTILE)  # fmt: skip
    add("raw.loads", run_id=RUN, source="zendesk", stream="tickets", as_of=NIGHT, read=5,
        landed=4, rejected=1, warning=HOSTILE)  # fmt: skip
    add("quality.results", run_id=RUN, gate="arrival", source="zendesk", guard="loads",
        expectation=SCRIPT, severity="critical", success=False)  # fmt: skip
    for source in ("amplitude", "files", "hubspot", "typeform", "zendesk"):
        add("marts.data_status", source=source, streams=1, last_good_as_of=NIGHT, as_of=NIGHT,
            is_stale=source == "zendesk")  # fmt: skip
    marts.person(
        ANN, "hubspot:contacts:1", f"files:consent:{CANARIES[5]}", "zendesk:users:9",
        f"nextiva:addresses:+49{CANARIES[6]}", f"files:callers:0{CANARIES[7]}",
        full_name=CANARIES[0], last_name=CANARIES[0], full_name_source="hubspot",
        email=CANARIES[1], email_source="hubspot", phone=CANARIES[2], phone_source="hubspot",
        first_name=HOSTILE, first_name_source="hubspot",
    )  # fmt: skip
    marts.alias(FORMER, ANN, "hubspot:contacts:1")
    marts.person(BOB, "zendesk:users:2", full_name="Bob Beck", last_name="Beck")
    marts.offers("hubspot:contacts:1", "email", CANARIES[1])
    marts.offers("hubspot:contacts:1", "phone", CANARIES[2])
    marts.offers("hubspot:contacts:1", "user_id", "u_0000001")
    for profile in ("hubspot:contacts:1", "zendesk:users:9"):
        connection.execute(
            "insert into identity_build.int_identity_edges select profile_key, identifier_key,"
            " identifier_type, 5 from identity.profiles, identity.identifiers"
            " where profile_id = %s and identifier_type = 'email'",
            [profile],
        )
    connection.execute(
        "update marts.dim_customers set city = %s, company_name = %s where customer_id = %s",
        [HOSTILE, SCRIPT, ANN],
    )
    _history(marts)
    _lists(marts)
    _pair(marts)


def _history(marts: Marts) -> None:
    own: dict[str, Any] = {"source": "zendesk", "customer_id": ANN}
    for number, subject in enumerate((CANARIES[3], HOSTILE)):
        talk = {"conversation_id": str(number), "created_at": days_ago(number)}
        marts.add("marts.fct_conversations", **own, **talk, status="open", is_open=True,
                  priority=SCRIPT)  # fmt: skip
        marts.add("marts_pii.fct_conversation_subjects", **own, **talk, subject=subject)
    for number, comment in enumerate((CANARIES[4], HOSTILE)):
        answer = {"response_id": str(number), "question_id": "1", "metric": "nps",
                  "responded_at": days_ago(number)}  # fmt: skip
        marts.add("marts.fct_survey_responses", **own, **answer, scale="0-10", score=3)
        marts.add("marts_pii.fct_survey_comments", **own, **answer, comment=comment)
    marts.add("marts.fct_orders", **own, order_id="1", ordered_at=days_ago(3), status="paid",
              amount=1234.5, currency="EUR", product_name=HOSTILE, category=SCRIPT)  # fmt: skip
    for number in range(45):
        marts.add("marts.fct_touchpoints", **own, touchpoint_id=f"t{number:03d}", kind="order",
                  channel="shop", occurred_at=days_ago(number), title=SCRIPT, status="paid",
                  )  # fmt: skip
    marts.add("marts.dim_consents", customer_id=ANN, channel="email", purpose="marketing",
              is_granted=True, changed_at=days_ago(9), source="files",
              policy_version=SCRIPT)  # fmt: skip
    for metric, value in (("nps_90d", -2.5), ("churn_rate_30d", 0.1)):
        marts.add("marts.mart_metrics_latest", metric=metric, as_of=NIGHT, value=value, n=30)
    for day in range(200):
        marts.add("marts.mart_nps_daily", response_date=days_ago(day).date(), responses=3,
                  nps_90d=day % 9)  # fmt: skip


def _lists(marts: Marts) -> None:
    for customer in (ANN, BOB):
        marts.add("segments.membership", segment="payment_failed", customer_id=customer,
                  entered_at=NIGHT, arm="treated", traits="{}", changed_at=NIGHT)  # fmt: skip
    marts.add("segments.membership", segment="open_ticket", customer_id=ANN, entered_at=NIGHT,
              arm="treated", traits="{}", changed_at=NIGHT)  # fmt: skip
    for segment, size in (("payment_failed", 2), ("open_ticket", 1)):
        marts.add("segments.sizes", segment=segment, as_of=NIGHT, run_id=RUN, members=size,
                  entered=size, left_tonight=0, frozen_because=SCRIPT)  # fmt: skip
    marts.add("activation.sync_runs", sync_id="1", sync_run_id="1", run_id=RUN,
              destination="files", segment="payment_failed", model_name="seg_payment_failed",
              status="planned", error=SCRIPT, as_of=NIGHT, members=2)  # fmt: skip
    marts.add("activation.not_sent", destination="files", segment="payment_failed",
              customer_id=BOB, reason="no_consent", since=NIGHT, run_id=RUN)  # fmt: skip


def _pair(marts: Marts) -> None:
    """A record of Ann and the one of Bob, alike enough for a review."""
    marts.connection.execute(CONTACTS)
    for profile, name, city in (
        ("hubspot:contacts:1", CANARIES[0], HOSTILE), ("zendesk:users:2", SCRIPT, None)
    ):  # fmt: skip
        marts.add("intermediate.int_contacts_unioned", profile_id=profile, full_name=name,
                  email=CANARIES[1], street=SCRIPT, city=city, company_name=HOSTILE)  # fmt: skip
    marts.add("identity.matches", profile_a="hubspot:contacts:1", profile_b="zendesk:users:2",
              probability=0.75, weight=1, is_linked=False, run_id=RUN, as_of=NIGHT,
              evidence=[4.5, -2.0, *[None] * 9])  # fmt: skip


def wait(connection: psycopg.Connection[Any], segment: str = "payment_failed") -> None:
    """Make one list of the segment wait for approval; delete earlier requests."""
    connection.execute("delete from activation.approvals where segment = %s", [segment])
    connection.execute(
        "insert into activation.approvals (destination, segment, state, cause, adds, removes,"
        " members, held, requested_at, run_id)"
        " values ('files', %s, 'pending', %s, 20, 0, 22, 2, %s, %s)",
        [segment, SCRIPT, NIGHT, RUN],
    )
