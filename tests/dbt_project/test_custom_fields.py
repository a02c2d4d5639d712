"""A company's own fields reach the marts by a line in rapport.yml."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.connectors.hubspot.source import HubSpot
from rapport.errors import ConfigError
from rapport.settings import load_settings
from rapport.transform.custom_fields import fields_for_dbt

from .conftest import read, run_dbt
from .landed import NIGHT, land

YAML = """
sources:
  hubspot: {custom_fields: {contacts: {tier: properties.loyalty_tier}}}
  stripe: {custom_fields: {customers: {tier: metadata.tier, app_user: metadata.user_id}}}
  shopify: {custom_fields: {customers: {tags: tags}}}
"""
MEMBERS = {
    "hubspot:contacts:1": "c_1",
    "hubspot:contacts:2": "c_1",
    "stripe:customers:cus_1": "c_1",
    "stripe:customers:cus_2": "c_2",
    "shopify:customers:9": "c_2",
    "zendesk:users:7": "c_3",
}


def settings_of(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "rapport.yml"
    file.write_text(text)
    return load_settings(file)


def contact(tier: Any) -> dict[str, Any]:
    return {"properties": {"loyalty_tier": tier}}


def test_the_first_declared_source_wins_and_then_what_landed_last(
    warehouse: psycopg.Connection[Any], tmp_path: Path
) -> None:
    land(warehouse, "hubspot__contacts", {"1": contact("silver"), "2": contact("")}, NIGHT)
    land(warehouse, "hubspot__contacts", {"1": contact("gold")}, NIGHT)
    customers = {
        "cus_1": {"metadata": {"tier": "none", "user_id": "u_1"}},
        "cus_2": {"metadata": {"tier": 3}},
    }
    land(warehouse, "stripe__customers", customers, NIGHT)
    land(warehouse, "shopify__customers", {"gid://shopify/Customer/9": {"tags": ["a"]}}, NIGHT)
    for key, (profile, customer) in enumerate(MEMBERS.items()):
        warehouse.execute(
            "insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)"
            " values (%s, %s, %s, %s, 0)",
            (profile, customer, NIGHT, key),
        )
    settings = settings_of(tmp_path, YAML)
    run_dbt("run", "--select", "int_custom_fields_survived", as_of=NIGHT, settings=settings)
    found = read(warehouse, "select * from intermediate.int_custom_fields_survived order by 1")
    assert found.values.tolist() == [
        ["c_1", {"tier": "gold", "app_user": "u_1"}],
        ["c_2", {"tier": 3, "tags": ["a"]}],
    ]


def test_hubspot_is_asked_for_the_field() -> None:
    source = HubSpot({"custom_fields": {"contacts": {"tier": "properties.loyalty_tier"}}})
    assert "loyalty_tier" in source.streams()[0].properties  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("{people: {tier: x}}", "no stream people"),
        ("{contacts: {Tier: x}}", "snake case"),
        ('{contacts: {tier: "x\'y"}}', "snake case"),
        ("{contacts: tier}", "must have the form"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, fields: str, complaint: str) -> None:
    settings = settings_of(tmp_path, f"sources: {{hubspot: {{custom_fields: {fields}}}}}")
    with pytest.raises(ConfigError, match=complaint):
        fields_for_dbt(settings)
