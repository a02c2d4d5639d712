"""A connection to the warehouse: its address, its time zone, and what its errors say."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from rapport.transform import dbt
from rapport.warehouse import connect, url

CANARY = "canary.person@example.com"
SERVER = (
    '{"conn_type": "postgres", "host": "db.example.com", "schema": "ware house", "login": "me",'
    ' "password": "p@ss/w:rd%20#?$x", "extra": {"sslmode": "verify-full",'
    ' "sslrootcert": "/etc/ca.pem", "options": "-c statement_timeout=0"}}'
)


def test_any_sign_may_stand_in_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", SERVER)
    parts = psycopg.conninfo.conninfo_to_dict(url())
    assert (parts["password"], parts["dbname"]) == ("p@ss/w:rd%20#?$x", "ware house")
    assert dbt.environment()["RAPPORT_DBT_PASSWORD"] == "p@ss/w:rd%20#?$x"


def test_dbt_asks_the_server_for_the_same_proof_and_counts_days_in_utc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", SERVER)
    environment = dbt.environment()
    assert environment["PGSSLMODE"] == "verify-full"
    assert environment["PGSSLROOTCERT"] == "/etc/ca.pem"
    assert environment["PGOPTIONS"].startswith("-c statement_timeout=0")
    assert environment["PGTZ"] == "UTC"


def test_options_of_the_connection_do_not_take_utc_away(
    warehouse: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = urlsplit(url()).path.lstrip("/")
    with connect(autocommit=True) as connection:
        connection.execute(f"alter database {name} set TimeZone = 'Asia/Tokyo'".encode())
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"{url()}?options=-c%20statement_timeout%3D9000")
    assert parse_qs(urlsplit(url()).query)["options"][0].startswith("-c statement_timeout=9000")
    with connect() as connection:
        assert connection.execute("show TimeZone").fetchone() == ("UTC",)


@pytest.mark.parametrize(
    "statement",
    [
        f"insert into people values ('{CANARY}', 1), ('{CANARY}', 2)",
        f"insert into people values ('{CANARY}', null)",
        f"select '{CANARY}'::int",
        f'select \'{{"email": "{CANARY}"\'::jsonb',
        f"select * from people where '{CANARY}' = nothing",
    ],
)
def test_an_error_names_no_person(warehouse: psycopg.Connection[Any], statement: str) -> None:
    warehouse.execute("create table people (email text primary key, number int not null)")
    with pytest.raises(psycopg.Error) as caught:
        warehouse.execute(statement.encode())
    assert CANARY not in str(caught.value)
    assert str(caught.value)


def test_an_error_of_copy_names_no_person(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create table people (email text primary key, number int not null)")
    with (
        pytest.raises(psycopg.Error) as caught,
        warehouse.cursor() as cursor,
        cursor.copy("copy people from stdin") as copy,
    ):
        copy.write(f"{CANARY}\t{CANARY}\n")
    assert CANARY not in str(caught.value)
