"""The address and the birth date that each vendor knows of a person are the canonical columns."""

from datetime import date
from typing import Any

import psycopg
import pytest

from rapport.settings import Settings

from .conftest import read, run_dbt
from .landed import NIGHT, land

pytestmark = pytest.mark.slow

PLACE = ("Lindenweg 12", "01067", "Sachsen")
BORN = date(1980, 12, 24)
RECORDS: dict[str, list[dict[str, Any]]] = {
    "shopify__customers": [
        {"id": "gid://shopify/Customer/1",
         "defaultAddress": {"address1": PLACE[0], "zip": PLACE[1], "province": PLACE[2]}},
        {"id": "gid://shopify/Customer/2",
         "defaultAddress": {"provinceCode": "SN", "address1": " "}},
    ],
    "stripe__customers": [
        {"id": "cus_1", "address": {"line1": PLACE[0], "postal_code": PLACE[1], "state": PLACE[2]}},
        {"id": "cus_2", "address": None},
    ],
    "salesforce__contacts": [
        {"Id": "003A", "Birthdate": "1980-12-24", "MailingStreet": PLACE[0],
         "MailingPostalCode": PLACE[1], "MailingState": PLACE[2]},
        {"Id": "003B", "Birthdate": "1879-12-31"},
    ],
    "salesforce__leads": [
        {"Id": "00QA", "Street": PLACE[0], "PostalCode": PLACE[1], "State": PLACE[2]},
    ],
    "hubspot__contacts": [
        {"id": "1", "properties": {"date_of_birth": "1980-12-24", "address": PLACE[0],
                                   "zip": PLACE[1], "state": PLACE[2]}},
        {"id": "2", "properties": {"date_of_birth": "12/24/1980"}},
    ],
    "zoho__contacts": [
        {"id": "1", "Date_of_Birth": "1980-12-24", "Mailing_Street": PLACE[0],
         "Mailing_Zip": PLACE[1], "Mailing_State": PLACE[2]},
        {"id": "2", "Date_of_Birth": "1981-02-29"},
    ],
    "zoho__leads": [
        {"id": "3", "Street": PLACE[0], "Zip_Code": PLACE[1], "State": PLACE[2]},
    ],
    "elma365__contacts": [
        {"__id": "1", "rapport": {"birth_date": "1980-12-24T00:00:00Z", "street": PLACE[0],
                                  "postal_code": PLACE[1], "region": PLACE[2]}},
        {"__id": "2", "rapport": {"birth_date": "1980-12-23T23:00:00Z"}},
    ],
    "salesforce__accounts": [],
    "zoho__accounts": [],
}  # fmt: skip
KEYS = {"salesforce": "Id", "elma365": "__id"}
SOURCES = ("elma365", "hubspot", "salesforce", "shopify", "stripe", "zoho")


def test_each_vendor_that_knows_an_address_says_it_in_the_same_columns(
    warehouse: psycopg.Connection[Any],
) -> None:
    chosen = Settings.model_validate({"sources": {name: {} for name in SOURCES}})
    for table, records in RECORDS.items():
        key = KEYS.get(table.split("__")[0], "id")
        land(warehouse, table, {record[key]: record for record in records}, NIGHT, chosen)
    models = [f"+stg_{source}__contacts" for source in SOURCES]
    run_dbt("run", "--select", *models, as_of=NIGHT, settings=chosen)
    found: dict[str, tuple[Any, ...]] = {}
    for source in SOURCES:
        rows = read(
            warehouse,
            "select profile_id, birth_date, street, postal_code, region"
            f" from staging.stg_{source}__contacts",
        ).astype(object)
        for profile, *values in rows.where(rows.notna(), None).itertuples(index=False):
            found[profile] = tuple(values)
    nothing = (None, None, None, None)
    assert found == {
        "elma365:contacts:1": (BORN, *PLACE), "elma365:contacts:2": nothing,
        "hubspot:contacts:1": (BORN, *PLACE), "hubspot:contacts:2": nothing,
        "salesforce:contacts:003A": (BORN, *PLACE), "salesforce:contacts:003B": nothing,
        "salesforce:leads:00QA": (None, *PLACE),
        "shopify:customers:1": (None, *PLACE), "shopify:customers:2": (None, None, None, "SN"),
        "stripe:customers:cus_1": (None, *PLACE), "stripe:customers:cus_2": nothing,
        "zoho:contacts:1": (BORN, *PLACE), "zoho:contacts:2": nothing,
        "zoho:leads:3": (None, *PLACE),
    }  # fmt: skip
