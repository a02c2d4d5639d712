"""The identity models under dbt itself."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from rapport.identity import normalise, resolve
from rapport.settings import load_settings
from rapport.transform import dbt

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 1, 2, 3, tzinfo=UTC)
CONTACT = """
insert into raw.hubspot__contacts
(record_key, payload, payload_hash, load_id, as_of, first_as_of, is_latest, is_deleted)
values (%(id)s, jsonb_build_object('id', %(id)s::text, 'properties',
        jsonb_build_object('email', %(email)s::text)), '', 1, %(at)s, %(at)s, true, false)
"""

NOTHING_MATCHED = {"changed": 0, "compared": 0, "to_review": 0}


def test_dbt_builds_the_models_twice_and_the_second_night_follows_the_delta(
    warehouse: psycopg.Connection[Any],
) -> None:
    def run(*selected: str) -> None:
        args = ["build", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"]
        outcome = dbt.invoke([*args, "--select", *selected], load_settings(), AS_OF)
        assert outcome.success, outcome.exception or [
            result.message for result in outcome.result.results if result.status == "error"
        ]

    def night(number: int) -> dict[str, int]:
        names: Any = {"run_id": f"n{number}", "as_of": AS_OF, "connection": warehouse}
        run("+int_identifiers_unioned", "+int_contacts_unioned")
        normalise(**names)
        run("tag:identity")
        return resolve(**names)

    for key, email in (("1", "anna@x.de"), ("2", "ANNA@x.de"), ("3", "test@test.com")):
        warehouse.execute(CONTACT, {"id": key, "email": email, "at": AS_OF})
    assert night(1) == {**NOTHING_MATCHED, "total": 2, "new": 2, "merged": 0, "split": 0}
    warehouse.execute(CONTACT, {"id": "4", "email": "anna@x.de", "at": AS_OF})
    warehouse.execute("update raw.hubspot__contacts set is_deleted = true where record_key = '3'")
    assert night(2) == {**NOTHING_MATCHED, "total": 1, "new": 0, "merged": 0, "split": 0}
    changed = warehouse.execute(
        "select count(distinct profile_key) from identity_build.int_identifiers_changed"
    ).fetchone()
    assert changed == (2,)
    reasons = warehouse.execute("select distinct reason from identity.excluded_edges").fetchall()
    assert reasons == []

    # A reviewed pair changes the marts; taking its line out gives back what was there.
    def marts(number: int) -> list[tuple[Any, ...]]:
        if number > 3:
            resolve(run_id=f"n{number}", as_of=AS_OF, connection=warehouse)
        run("int_customer_fields_survived", "dim_customer_contacts")
        query = "select * from build_pii.dim_customer_contacts order by customer_id"
        return warehouse.execute(query).fetchall()

    warehouse.execute(CONTACT, {"id": "5", "email": "bert@x.de", "at": AS_OF})
    assert night(3)["new"] == 1
    before = marts(3)
    assert len(before) == 2
    warehouse.execute(
        "insert into identity_build.identity_must_link"
        " values ('hubspot:contacts:1', 'hubspot:contacts:5', 'test')"
    )
    assert len(marts(4)) == 1
    warehouse.execute("delete from identity_build.identity_must_link")
    assert marts(5) == before
