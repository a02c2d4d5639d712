"""A no outlives the record that carried it, and what happened last counts, not what landed last."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.connectors.files.source import Files
from rapport.identity import resolve
from rapport.identity.key_tables import normalise
from rapport.landing.ingest import ensure_tables
from rapport.settings import Settings

from .conftest import run_dbt
from .landed import land

FIRST = datetime(2026, 3, 1, 3, tzinfo=UTC)
CHOSEN = Settings.model_validate(
    {
        "sources": {
            "hubspot": {},
            "files": {
                "datasets": {
                    "consents": {
                        "path": "x.csv", "format": "csv", "entity": "consent_events",
                        "key": ["email"],
                        "columns": {name: name for name in (
                            "email", "channel", "purpose", "status", "occurred_at")},
                    },
                    "people": {
                        "path": "y.csv", "format": "csv", "entity": "contacts",
                        "key": ["customer_id"],
                        "columns": {name: name for name in (
                            "customer_id", "email", "phone", "city", "updated_at")},
                    },
                }
            },
        }
    }
)  # fmt: skip


class Company:
    """Records land, nights run: the real models of staging, identity and consent."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.settings = CHOSEN
        self.nights = 0
        connection.execute("create schema if not exists identity_build")
        ensure_tables(connection, CHOSEN)

    @property
    def as_of(self) -> datetime:
        return FIRST + timedelta(days=self.nights)

    def consent(self, email: str, status: str, at: str, channel: str = "email") -> None:
        row = {"email": email, "channel": channel, "purpose": "marketing", "status": status}
        records = {email: row | {"occurred_at": at}}
        land(self.connection, "files__consents", records, self.as_of, CHOSEN)

    def hubspot(self, key: str, **properties: Any) -> None:
        properties = {"lastmodifieddate": f"{self.as_of:%Y-%m-%dT00:00:00Z}", **properties}
        record = {"id": key, "properties": properties}
        land(self.connection, "hubspot__contacts", {key: record}, self.as_of)

    def person(self, key: str, **columns: Any) -> None:
        row = {"customer_id": key, **columns}
        land(self.connection, "files__people", {key: row}, self.as_of, CHOSEN)

    def delete(self, table: str, key: str) -> None:
        """As the sweep of a source marks what its vendor no longer lists."""
        self.connection.execute(
            f"with gone as (update raw.{table} set is_latest = false where record_key = %s"
            " and is_latest returning *) insert into raw." + table + " select record_key, '{}',"
            " '', load_id, %s, first_as_of, true, true from gone",
            (key, self.as_of),
        )

    def night(self, *, resolves: bool = True, builds: bool = True) -> None:
        names = {"run_id": f"night-{self.nights}", "as_of": self.as_of}
        only = ("--exclude-resource-type", "unit_test", "test")
        if resolves:
            run_dbt(
                "build", "--select", "+int_consent_events_unioned", "+int_message_events_unioned",
                "+int_identifiers_unioned", *only, as_of=self.as_of, settings=self.settings,
            )  # fmt: skip
            normalise(**names, connection=self.connection, settings=self.settings)
            run_dbt(
                "build", "--select", "tag:identity", *only, as_of=self.as_of, settings=self.settings
            )
            resolve(**names, connection=self.connection)
        if builds:
            run_dbt(
                "build", "--select", "int_consents_heard", "int_refusals_applied",
                "int_consents_resolved", *only, as_of=self.as_of, settings=self.settings,
            )  # fmt: skip
        self.nights += 1

    def may(self, email: str, channel: str = "email") -> list[bool]:
        """What is known of the customers who offer an address: whether marketing may reach them."""
        rows = self.connection.execute(
            "select distinct is_granted from intermediate.int_consents_resolved as said"
            " inner join identity.members using (customer_id)"
            " inner join intermediate.int_identifiers_unioned using (profile_id)"
            " where identifier_value = %s and channel = %s and purpose = 'marketing'",
            (email, channel),
        )
        return sorted(row[0] for row in rows)

    def refusals(self) -> list[tuple[Any, ...]]:
        rows = self.connection.execute(
            "select * from identity.refusals order by profile_id, channel, purpose, customer_id"
        )
        return rows.fetchall()


@pytest.fixture
def company(warehouse: psycopg.Connection[Any]) -> Company:
    return Company(warehouse)


def test_a_no_outlives_the_record_that_carried_it(company: Company) -> None:
    company.consent("mara@example.com", "yes", "2026-01-01T10:00:00Z")
    company.hubspot("1", email="mara@example.com", hs_email_optout="true")
    company.hubspot("2", email="ben@example.com", hs_email_optout="false")
    company.consent("ben@example.com", "yes", "2026-01-01T10:00:00Z")
    company.night()
    assert company.may("mara@example.com") == [False]
    assert company.may("ben@example.com") == [True]

    company.delete("hubspot__contacts", "1")
    company.night()
    assert company.may("mara@example.com") == [False], "the anchor of the customer is gone"
    assert company.may("ben@example.com") == [True]
    before = company.refusals()
    company.nights -= 1
    company.night(resolves=False)
    assert company.refusals() == before, "a second run changes nothing"

    company.delete("files__consents", "mara@example.com")
    company.night()
    company.person("m", email="Mara@Example.com")
    company.consent("mara@example.com", "yes", "2026-01-01T10:00:00Z")
    company.night()
    assert company.may("mara@example.com") == [False], "who comes back by another record said no"

    company.consent("mara@example.com", "yes", f"{company.as_of - timedelta(hours=9):%FT%TZ}")
    company.night()
    assert company.may("mara@example.com") == [True], "a later yes is a yes"


def test_each_part_of_a_customer_that_falls_apart_inherits_the_no(company: Company) -> None:
    company.hubspot(
        "1", email="mara@example.com", hs_additional_emails="m2@example.com",
        hs_email_optout="true",
    )  # fmt: skip
    company.night()
    for key, email in (("a", "mara@example.com"), ("b", "m2@example.com")):
        company.person(key, email=email)
        company.consent(email, "yes", "2026-01-01T10:00:00Z")
    company.night()
    company.person("c", email="m2@example.com", phone="+4930901820")
    company.night()
    company.delete("hubspot__contacts", "1")
    company.night(builds=False)  # killed between the resolver and the marts
    company.nights += 1
    company.night()
    customers = company.connection.execute(
        "select count(distinct customer_id) from identity.members"
    ).fetchone()
    assert customers == (2,), "the deleted record was what joined them"
    assert company.may("mara@example.com") == company.may("m2@example.com") == [False]

    company.delete("files__consents", "mara@example.com")
    company.person("a", email="new@example.com")
    company.consent("new@example.com", "yes", "2026-01-01T10:00:00Z")
    company.night()
    assert company.may("new@example.com") == [False], "the smaller part, without the address"


def test_an_address_that_people_share_refuses_messages_to_itself_only(company: Company) -> None:
    company.hubspot("1", email="info@firm.example", hs_email_optout="true")
    company.consent("info@firm.example", "yes", "2026-01-01T10:00:00Z")
    company.hubspot("2", email="a@x.example", phone="+4930901820", hs_email_optout="true")
    company.person("b", email="b@x.example", phone="+4930901820")
    company.consent("b@x.example", "yes", "2026-01-01T10:00:00Z")
    company.night()
    assert company.may("info@firm.example") == [False], "each who offers the mailbox"
    assert company.may("b@x.example") == [True], "a phone of two is no proof of one person"
    company.delete("hubspot__contacts", "2")
    company.night()
    assert company.may("b@x.example") == [True]


def test_what_happened_last_counts_whatever_landed_last(company: Company) -> None:
    company.consent("n2@x.example", "no", "2026-02-20T10:00:00Z")
    company.consent("y2@x.example", "yes", "2026-02-20T10:00:00Z")
    company.night()
    company.consent("n2@x.example", "yes", "2026-01-01T10:00:00Z")
    company.consent("y2@x.example", "no", "2026-01-01T10:00:00Z")
    company.night()
    assert company.may("n2@x.example") == [False], "an old yes that lands later is old"
    assert company.may("y2@x.example") == [True], "and so is an old no"

    company.consent("n2@x.example", "yes", "2026-02-25T10:00:00Z")
    company.night()
    assert company.may("n2@x.example") == [True]


def test_an_older_export_of_people_does_not_beat_a_newer_record(company: Company) -> None:
    company.person("p", email="new@x.example", city="Rome", updated_at="2026-02-20T10:00:00Z")
    company.person("p", email="old@x.example", city="Oslo", updated_at="2025-01-01T10:00:00Z")
    run_dbt(
        "build", "--select", "+stg_files__contacts", "+stg_files__identifiers",
        "--exclude-resource-type", "unit_test", "test", as_of=company.as_of, settings=CHOSEN,
    )  # fmt: skip
    rows = company.connection.execute("select email, city from staging.stg_files__contacts")
    assert rows.fetchall() == [("new@x.example", "Rome")]
    offered = company.connection.execute(
        "select identifier_value from staging.stg_files__identifiers"
        " where identifier_type = 'email'"
    )
    assert offered.fetchall() == [("new@x.example",)]


def test_a_reimported_state_of_consents_as_it_was_seen(
    company: Company, reference_dir: Path
) -> None:
    case = reference_dir / "cases" / "b-06-consent-reimport"
    assert (case / "expected.txt").read_text().startswith("Right: after no of 2026-06-01")
    company.nights = 150
    for status, at in (("no", "2026-06-01T10:00:00Z"), ("yes", "2026-01-01T10:00:00Z")):
        company.consent("n2@x.example", status, at)
        company.night()
    assert company.may("n2@x.example") == [False]


def without_files(**changes: Any) -> Settings:
    """The settings with something about the files changed."""
    given = CHOSEN.model_dump()
    given["sources"]["files"] |= changes
    return Settings.model_validate(given)


def test_off_is_not_gone(company: Company) -> None:
    company.hubspot("1", email="mara@example.com")
    company.consent("mara@example.com", "yes", "2026-01-01T10:00:00Z")
    company.consent("ben@example.com", "no", "2026-01-01T10:00:00Z")
    company.hubspot("2", email="ben@example.com")
    company.night()
    members = "select profile_id, customer_id from identity.members order by 1"
    before = company.connection.execute(members).fetchall()

    company.settings = without_files(enabled=False)
    company.night()
    assert company.connection.execute(members).fetchall() == before
    assert company.may("mara@example.com") == [True]

    paused = without_files()
    paused.sources["files"]["datasets"]["consents"]["enabled"] = False
    company.settings = paused
    company.night()
    assert company.connection.execute(members).fetchall() == before
    assert [s.enabled for s in Files(paused.source_options("files")).streams()] == [False, True]

    given = CHOSEN.model_dump()
    del given["sources"]["files"]
    company.settings = Settings.model_validate(given)
    company.night()
    assert company.may("mara@example.com") == [], "what is taken out of the file is gone"
    assert company.may("ben@example.com") == [False], "but a no stays"
