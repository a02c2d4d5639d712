"""A small company as its marts say: Ann with everything, Bob and Cem with one phone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
ANN, BOB, CEM = (f"c_{letter * 20}" for letter in "abc")
FORMER = "c_" + "9" * 20


class Marts:
    """Tables as their contracts declare them, and rows for them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        for path in sorted(MODELS.glob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
                meta = model["config"]["meta"]
                columns = ", ".join(f"{c['name']} {c['data_type']}" for c in model["columns"])
                connection.execute(f"create schema if not exists {meta['publish']}")
                connection.execute(f"create table {meta['publish']}.{model['name']} ({columns})")
        connection.execute(
            "create schema if not exists identity_build;"
            " create table identity_build.int_identifiers_normalised"
            " (profile_key bigint, identifier_key bigint, excluded_key bigint)"
        )

    def add(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        self.connection.execute(
            f"insert into {table} ({names}) values ({places})", list(values.values())
        )

    def one(self, query: str, *values: Any) -> Any:
        row = self.connection.execute(query, values).fetchone()
        return row[0] if row else None

    def person(self, customer_id: str, *profile_ids: str, **details: Any) -> None:
        """A customer of these records, under the id of the first."""
        sources = sorted({profile_id.split(":")[0] for profile_id in profile_ids})
        self.add(
            "marts.dim_customers", customer_id=customer_id, country="DE", sources=sources, orders=0
        )
        self.add("marts_pii.dim_customer_contacts", customer_id=customer_id, **details)
        self.alias(customer_id, customer_id, profile_ids[0])
        for profile_id in profile_ids:
            key = self.one(
                "insert into identity.profiles (profile_id) values (%s) returning profile_key",
                profile_id,
            )
            self.add(
                "identity.members",
                profile_id=profile_id,
                customer_id=customer_id,
                as_of=NIGHT,
                profile_key=key,
                region_key=int(customer_id[2:4], 16),
            )

    def alias(self, alias_id: str, customer_id: str, anchor: str) -> None:
        self.add(
            "identity.aliases",
            alias_id=alias_id,
            customer_id=customer_id,
            since=NIGHT,
            anchor_profile_id=anchor,
        )

    def offers(
        self, profile_id: str, kind: str, normal_form: str, *, is_excluded: bool = False
    ) -> None:
        """The record offers an identifier; an excluded one joins nobody."""
        self.connection.execute(
            "insert into identity.rules values (%s, 1, 9, false, 'never') on conflict do nothing",
            [kind],
        )
        self.connection.execute(
            "insert into identity.identifiers (identifier_type, normal_form) values (%s, %s)"
            " on conflict do nothing",
            [kind, normal_form],
        )
        column = "excluded_key" if is_excluded else "identifier_key"
        self.connection.execute(
            f"insert into identity_build.int_identifiers_normalised (profile_key, {column})"
            " select profile_key, identifier_key from identity.profiles, identity.identifiers"
            " where profile_id = %s and identifier_type = %s and normal_form = %s",
            [profile_id, kind, normal_form],
        )


def days_ago(days: float) -> datetime:
    return NIGHT - timedelta(days=days)


@pytest.fixture
def marts(warehouse: psycopg.Connection[Any]) -> Marts:
    """Three customers who did nothing yet, everything fresh."""
    made = Marts(warehouse)
    for source in ("amplitude", "files", "hubspot", "typeform", "zendesk"):
        made.add("marts.data_status", source=source, streams=1, last_good_as_of=NIGHT)
        made.connection.execute(
            "update marts.data_status set is_stale = false, as_of = %s", [NIGHT]
        )
    made.person(
        ANN,
        "hubspot:contacts:1",
        "files:consent:ann@example.com",
        full_name="Ann Ähre",
        full_name_source="hubspot",
        full_name_as_of=NIGHT,
        email="Ann@Example.com",
        email_source="hubspot",
        email_as_of=NIGHT,
    )
    made.alias(FORMER, ANN, "hubspot:contacts:1")
    made.person(BOB, "zendesk:users:2", full_name="Bob Beck")
    made.person(CEM, "zendesk:users:3", full_name="Cem Can")
    made.offers("hubspot:contacts:1", "email", "ann@example.com")
    made.offers("hubspot:contacts:1", "phone", "+4930901820")
    made.offers("hubspot:contacts:1", "user_id", "u_0000001")
    made.offers("zendesk:users:2", "phone", "+4940123456")
    made.offers("zendesk:users:3", "phone", "+4940123456")
    made.offers("zendesk:users:3", "email", "info@example.com", is_excluded=True)
    return made
