"""Every grant of the warehouse is declared, and each role can do what it should and no more."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors
from typer.testing import CliRunner

from rapport import doctor
from rapport.cli import application
from rapport.errors import ConfigError
from rapport.transform import dbt
from rapport.transform.publish import Published, publish
from rapport.warehouse import connect, migrate, roles, url

Warehouse = psycopg.Connection[Any]
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
PEOPLE = Published(("build", "people"), "marts", "people", ("customer_id",))
CONTACTS = Published(("build_pii", "contacts"), "marts_pii", "contacts", ("customer_id",))
# What Postgres gives to everybody in every new database.
OF_POSTGRES = {
    ("schema", "USAGE"),
    ("database", "CONNECT"),
    ("database", "TEMPORARY"),
}


def found(warehouse: Warehouse) -> set[roles.Grant]:
    return {
        grant
        for grant in roles.granted(warehouse)
        if grant.role != "public" or (grant.kind, grant.privilege) not in OF_POSTGRES
    }


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    """A warehouse with one table in each published schema."""
    migrate()
    warehouse.execute(
        "create table build.people as select 'c_1' as customer_id, 1 as orders;"
        "create table build_pii.contacts as select 'c_1' as customer_id, 'a@example.com' as email"
    )
    publish_night(warehouse, 1)
    return warehouse


def publish_night(warehouse: Warehouse, number: int) -> None:
    warehouse.execute(
        "insert into ops.nights (run_id, as_of, status) values (%s, %s, 'succeeded')",
        (f"run-{number}", AS_OF),
    )
    publish(run_id=f"run-{number}", as_of=AS_OF, tables=(PEOPLE, CONTACTS))


@pytest.fixture
def make_login(warehouse: Warehouse) -> Iterator[Callable[[str], str]]:
    """Logins of a role, by their address; taken away after the test."""
    made: list[str] = []

    def make(role: str) -> str:
        made.append(f"login_{secrets.token_hex(4)}")
        password = roles.make_login(warehouse, made[-1], role)
        parts = urlsplit(url())
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{made[-1]}:{password}@{place}").geturl()

    yield make
    for name in made:
        warehouse.execute(f"drop owned by {name}; drop role {name}")


def test_every_grant_of_the_catalogue_is_declared_and_the_other_way_round(
    published: Warehouse,
) -> None:
    assert found(published) == roles.wanted(published)
    assert {grant.role for grant in found(published)} == set(roles.declared())
    published.execute("grant select on raw.loads to bi_reader")
    assert roles.undeclared(published) == [roles.Grant("table", "raw.loads", "bi_reader", "SELECT")]


def test_a_table_that_publication_makes_anew_keeps_its_readers(published: Warehouse) -> None:
    published.execute("alter table build.people alter column orders type text")
    oid = published.execute("select 'marts.people'::regclass::oid").fetchone()
    publish_night(published, 2)
    assert published.execute("select 'marts.people'::regclass::oid").fetchone() != oid
    assert found(published) == roles.wanted(published)


READS = {
    "bi_reader": {"marts.people"},
    "marketing_reader": {"marts.people", "segments.membership", "activation.ledger"},
    "support_reader": {
        "marts.people",
        "marts_pii.contacts",
        "segments.membership",
        "activation.ledger",
        "identity.identifiers",
    },
}
TABLES = {*READS["support_reader"], "raw.loads", "raw.hubspot__contacts", "ops.nights"}


@pytest.mark.parametrize("role", READS)
def test_a_reader_reads_what_is_declared_and_nothing_else(
    published: Warehouse, make_login: Callable[[str], str], role: str
) -> None:
    with psycopg.connect(make_login(role), autocommit=True) as reader:
        readable = set()
        for table in TABLES:
            try:
                reader.execute(f"select * from {table}")
                readable.add(table)
            except errors.InsufficientPrivilege:
                continue
        assert readable == READS[role]
        timeout = roles.declared()[role].statement_timeout
        assert reader.execute("show statement_timeout").fetchone() == (timeout,)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from marts.people",
        "update marts.people set orders = 0",
        "create table marts.mine (a int)",
        "create table public.mine (a int)",
        "copy (select * from marts.people) to '/tmp/people.csv'",
        "copy (select * from marts.people) to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "select query_to_xml('select * from raw.hubspot__contacts', true, true, '')",
        "set role rapport",
    ],
)
def test_a_reader_changes_nothing_even_where_it_asks_for_it(
    published: Warehouse, make_login: Callable[[str], str], statement: str
) -> None:
    with psycopg.connect(make_login("bi_reader"), autocommit=True) as reader:
        reader.execute("set default_transaction_read_only = off")
        with pytest.raises((errors.InsufficientPrivilege, errors.SyntaxError)):
            reader.execute(statement)  # type: ignore[call-overload]


def test_a_read_only_transaction_takes_the_role_for_itself_alone(published: Warehouse) -> None:
    with roles.reading(published, "bi_reader") as reader:
        assert reader.execute("select current_user").fetchone() == ("bi_reader",)
        with pytest.raises(errors.InsufficientPrivilege), reader.transaction():
            reader.execute("select * from marts_pii.contacts")
    with roles.reading(published, "support_reader") as reader:
        assert reader.execute("select email from marts_pii.contacts").fetchone()
        with pytest.raises(errors.ReadOnlySqlTransaction), reader.transaction():
            reader.execute("delete from marts.people")
    assert published.execute("select current_user = session_user").fetchone() == (True,)


@pytest.mark.parametrize(
    "query",
    [
        "select record_key as customer_id from raw.hubspot__contacts",
        "select email as customer_id from marts_pii.contacts",
        "select query_to_xml('table marts_pii.contacts', true, true, '')::text as customer_id",
        "with gone as (delete from marts.people returning *) select customer_id from gone",
        "select pg_read_file('/etc/passwd') as customer_id",
        "select 'x' as customer_id); drop table marts.people; select (1",
    ],
)
def test_a_segment_that_reaches_past_the_marts_is_refused_by_the_database(
    published: Warehouse, query: str
) -> None:
    published.execute("create table segments_build.seg_old as select 1 as a")
    options = roles.session_options(published, "segmenter")
    with psycopg.connect(url(), options=options, autocommit=True) as session:
        session.execute("create table segments_build.seg_good as select * from marts.people")
        session.execute("drop table segments_build.seg_old")
        with pytest.raises((errors.InsufficientPrivilege, errors.FeatureNotSupported)):
            session.execute(f"create table segments_build.seg_bad as (\n{query}\n)")  # type: ignore[call-overload]
    assert published.execute("select * from segments_build.seg_good").fetchall() == [("c_1", 1)]
    assert published.execute("select to_regclass('marts.people')").fetchone() != (None,)


def test_dbt_builds_segments_as_the_segmenter_and_the_rest_as_the_login(
    published: Warehouse,
) -> None:
    assert dbt.ROLES == {"segments": "segmenter"}
    assert "-c role=segmenter" in dbt.environment("segmenter")["PGOPTIONS"]
    assert "statement_timeout=10min" in dbt.environment("segmenter")["PGOPTIONS"]
    assert "role=" not in dbt.environment().get("PGOPTIONS", "")


def test_the_command_prints_an_address_that_works(published: Warehouse) -> None:
    name = f"login_{secrets.token_hex(4)}"
    try:
        done = CliRunner().invoke(application, ["db", "login", name, "--json"])
        answer = json.loads(done.stdout)
        assert answer["role"] == "bi_reader"
        with psycopg.connect(answer["url"]) as reader:
            assert reader.execute("select count(*) from marts.people").fetchone() == (1,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                reader.execute("create temporary table mine (n integer)")
        with pytest.raises(ConfigError, match="There are: loader"):
            roles.make_login(published, name, "everything")
        with pytest.raises(ConfigError, match="name of a role"):
            roles.make_login(published, "loader", "bi_reader")
    finally:
        published.execute(f"drop owned by {name}; drop role {name}")


@pytest.fixture
def plain(warehouse: Warehouse, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of its own that belongs to a login without any privilege of the server."""
    name = f"plain_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'plain'")
        admin.execute(f"create database {name} owner {name}")
        parts = urlsplit(postgres)
        place = parts.netloc.rpartition("@")[2]
        address = parts._replace(netloc=f"{name}:plain@{place}", path=f"/{name}").geturl()
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address)
        yield name
        admin.execute(f"drop database {name} with (force)")
        for role in roles.declared():
            admin.execute(f"revoke {role} from {name}")
        admin.execute(f"drop role {name}")


def finding() -> doctor.Finding:
    with connect() as connection:
        return doctor._roles(connection)


def test_a_login_that_may_not_make_roles_works_and_the_doctor_says_so(plain: str) -> None:
    migrate()
    assert migrate() == []
    assert finding().state == "warning"
    assert "cannot make or take loader" in finding().found
    with connect(autocommit=True) as connection:
        assert "role=" not in roles.session_options(connection, "segmenter")
        with (
            pytest.raises(errors.ReadOnlySqlTransaction),
            roles.reading(connection, "bi_reader") as reader,
        ):
            reader.execute("create table public.mine (a int)")


def test_a_login_that_was_given_the_roles_uses_them(plain: str, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        for role in roles.declared():
            admin.execute(f"grant {role} to {plain}")
    migrate()
    assert finding() == doctor.Finding("roles", "ok", "7 roles as declared")
    with connect(autocommit=True) as connection:
        options = roles.session_options(connection, "segmenter")
    with psycopg.connect(url(), options=options) as session:
        session.execute("create table segments_build.seg_mine as select 1 as a")
    with connect() as connection:
        connection.execute("select * from segments_build.seg_mine")
