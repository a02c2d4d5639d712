"""What a stranger can write stays data, wherever it is written and whoever is asked for by it."""

import contextlib
import secrets
from typing import Any

import psycopg
import pytest

from rapport import privacy
from rapport.errors import ConfigError
from rapport.privacy.erase import preview
from rapport.privacy.person import find
from rapport.warehouse import roles

from .conftest import NIGHT, NOW, Held, records, send

ATTACKS = [
    "'; drop table marts.dim_customers; --",
    "x' or '1'='1",
    "$$; delete from raw.loads; $$",
    "\\'; select pg_sleep(10); --",
    "%s %(name)s {} {0}",
    "{{ 7*7 }}{% raw %}",
    '"; drop schema raw cascade; --',
    "a@example.com' union select 1 --",
    "=cmd|' /C calc'!A0",
    "../../../../etc/passwd",
    "\u202egnp.exe",
    "\x00\x1b[2J",
    "<svg/onload=alert(1)>",
    "ʼ; drop table x; --",
]


def counts(held: Held) -> list[int]:
    tables = ("marts.dim_customers", "raw.loads", "raw.hubspot__contacts", "identity.members")
    return [held.one(f"select count(*) from {table}") for table in tables]


@pytest.mark.parametrize("text", ATTACKS)
def test_what_a_stranger_writes_stays_data(held: Held, text: str) -> None:
    hostile = records(mail=text, who=text, number=9)
    hostile["hubspot", "contacts"][0]["properties"][text] = text
    send(held.connection, hostile, as_of=NIGHT)
    before = counts(held)
    for ask in (find, preview):
        with contextlib.suppress(ConfigError):
            ask(held.connection, text)
    held.ask(text)
    privacy.work(held.connection, at=NOW)
    after = counts(held)
    assert after[0] == before[0] == 2
    assert after[1] == before[1]
    assert all(now >= then - 1 for now, then in zip(after, before, strict=True))
    assert held.one("select count(*) from raw.hubspot__contacts where record_key = '102'") == 1


@pytest.mark.parametrize("text", ATTACKS)
def test_a_login_is_a_name_and_never_a_statement(
    warehouse: psycopg.Connection[Any], text: str
) -> None:
    name = f"{text.replace(chr(0), '')[:30]}{secrets.token_hex(4)}"
    roles.apply(warehouse)
    roles.make_login(warehouse, name, "bi_reader")
    try:
        found = warehouse.execute("select rolsuper from pg_roles where rolname = %s", (name,))
        assert found.fetchone() == (False,)
    finally:
        warehouse.execute(
            psycopg.sql.SQL("drop owned by {0}; drop role {0}").format(psycopg.sql.Identifier(name))
        )


CANARY = "canary-secret-5d41402abc"


def test_no_secret_of_a_connection_is_in_an_error_or_a_process_list(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    from rapport.errors import RapportError
    from rapport.operations.backup import backup

    seen: list[list[str]] = []
    original = subprocess.run

    def watch(command: list[str], **options: Any) -> Any:
        seen.append(command)
        return original(command, **options)

    monkeypatch.setattr(subprocess, "run", watch)
    from urllib.parse import urlsplit

    from rapport.warehouse import url

    parts = urlsplit(url())
    wrong = parts._replace(netloc=f"rapport:{CANARY}@127.0.0.1:{parts.port}").geturl()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", wrong)
    with pytest.raises(RapportError) as caught:
        backup(at=NOW)
    assert CANARY not in str(caught.value)
    assert seen, "pg_dump was asked"
    assert all(CANARY not in argument for command in seen for argument in command)
