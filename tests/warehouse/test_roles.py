"""Every grant of the warehouse is declared, and each role can do what it should and no more."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors
from tests.conftest import drop_database
from typer.testing import CliRunner

from rapport.cli import application
from rapport.errors import ConfigError
from rapport.operations import doctor
from rapport.transform.publish import Published, publish
from rapport.warehouse import connect, migrate, roles, segment_login, url

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


def session(connection: Warehouse, role: str) -> Warehouse:
    """A session in a role, as dbt's documentation gets one."""
    return connect(autocommit=True, options=roles.session_options(connection, role))


def test_a_session_in_a_role_can_do_what_the_role_may(published: Warehouse) -> None:
    with session(published, "bi_reader") as reader:
        assert reader.execute("select current_user").fetchone() == ("bi_reader",)
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute("select * from marts_pii.contacts")
    with session(published, "support_reader") as reader:
        assert reader.execute("select email from marts_pii.contacts").fetchone()
        with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
            reader.execute("delete from marts.people")


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
    with segment_login.connect() as session:
        assert session.execute("select * from (table marts.people) as model").fetchall() == [
            ("c_1", 1)
        ]
        with pytest.raises(
            (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.SyntaxError)
        ):
            session.execute(f"select * from (\n{query}\n) as model", prepare=True)
    assert published.execute("select to_regclass('marts.people')").fetchone() != (None,)


def test_segments_are_read_by_a_login_that_is_nobody_else(published: Warehouse) -> None:
    with segment_login.connect() as session:
        row = session.execute(
            "select session_user::text, current_user::text, current_setting('statement_timeout'),"
            " current_setting('transaction_read_only')"
        ).fetchone()
        assert row == ("rapport_segments", "rapport_segments", "10min", "on")
        for statement in (
            "set role rapport",
            "set session authorization rapport",
            "create table marts.trap (customer_id text)",
            "create schema trap",
            "create temporary table trap (a int)",
            "select ops.try_to_hold('run')",
        ):
            with pytest.raises((errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
                session.execute(statement)


def test_its_password_follows_from_the_warehouses_and_is_mended_by_a_migration(
    published: Warehouse,
) -> None:
    assert segment_login.password_of("rapport", "a") != segment_login.password_of("rapport", "b")
    published.execute("alter role rapport_segments password 'another'")
    with pytest.raises(ConfigError, match="Run `rapport db migrate`"):
        segment_login.connect()
    migrate()
    segment_login.connect().close()


def test_another_login_for_segments_can_be_named(
    published: Warehouse, make_login: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_SEGMENTS", make_login("segmenter"))
    with segment_login.connect() as session:
        assert session.execute("select session_user ~ '^login_'").fetchone() == (True,)


@pytest.mark.parametrize("role", ["support_reader", "activator", "loader"])
def test_a_login_for_segments_that_may_do_more_is_refused(
    published: Warehouse,
    make_login: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_SEGMENTS", make_login(role))
    with pytest.raises(ConfigError, match="may do more than read marts"):
        segment_login.connect()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_SEGMENTS", url())
    with pytest.raises(ConfigError, match="may do more than read marts"):
        segment_login.connect()


def test_a_login_that_gets_another_role_loses_the_one_that_it_had(
    published: Warehouse, make_login: Callable[[str], str]
) -> None:
    address = make_login("support_reader")
    name = urlsplit(address).username or ""
    again = roles.make_login(published, name, "bi_reader")
    with (
        psycopg.connect(address.replace(urlsplit(address).password or "", again)) as reader,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        reader.execute("select * from marts_pii.contacts")
    for taken in ("rapport_segments", "pg_read_all_data", "public"):
        with pytest.raises(ConfigError):
            roles.make_login(published, taken, "bi_reader")


@pytest.mark.parametrize("role", roles.declared())
def test_no_role_can_make_anything_that_a_run_would_read_or_erase(
    published: Warehouse, make_login: Callable[[str], str], role: str
) -> None:
    with psycopg.connect(make_login(role), autocommit=True) as session:
        session.execute("set default_transaction_read_only = off")
        schemas = [
            row[0]
            for row in session.execute(
                "select nspname from pg_namespace where nspname !~ '^pg_'"
                " and has_schema_privilege(oid, 'create')"
            )
        ]
        assert schemas == []
        for table in ("raw.hubspot__contacts", "segments.membership", "marts.people"):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(
                    f"create trigger trap after delete on {table}"
                    " execute function suppress_redundant_updates_trigger()"
                )


def test_an_older_release_let_roles_make_tables_and_a_migration_takes_that_back(
    published: Warehouse,
) -> None:
    published.execute("grant create on schema raw to loader")
    assert roles.undeclared(published) == [roles.Grant("schema", "raw", "loader", "CREATE")]
    migrate()
    assert roles.undeclared(published) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select pg_advisory_lock(hashtextextended('rapport run', 0))",
        "select pg_try_advisory_lock_shared(1)",
        "select ops.try_to_hold('run')",
        "select from ops.turns for update",
        "lock table ops.migrations in access share mode",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'x')",
    ],
)
def test_a_reader_cannot_keep_a_run_waiting_or_write_large_objects(
    published: Warehouse, make_login: Callable[[str], str], statement: str
) -> None:
    with psycopg.connect(make_login("bi_reader"), autocommit=True) as reader:
        reader.execute("set default_transaction_read_only = off")
        with pytest.raises(errors.InsufficientPrivilege), reader.transaction():
            reader.execute(statement)


def test_a_reader_that_lifts_its_limit_is_ended_all_the_same(
    published: Warehouse, make_login: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = dict(roles.declared())
    declared["bi_reader"] = replace(declared["bi_reader"], statement_timeout="50ms")
    with (
        psycopg.connect(make_login("bi_reader")) as reader,
        psycopg.connect(make_login("marketing_reader")) as other,
    ):
        for session in (reader, other):
            session.execute("set statement_timeout = 0")
            session.execute("select count(*) from marts.people")
        time.sleep(0.1)
        assert roles.end_overlong(published) == 0
        monkeypatch.setattr(roles.declaration, "declared", lambda: declared)
        assert roles.end_overlong(published) == 1
        with pytest.raises(psycopg.OperationalError):
            reader.execute("select 1")
        assert other.execute("select 1").fetchone() == (1,)


def test_a_login_has_so_many_sessions_and_no_more(
    published: Warehouse, make_login: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = {"bi_reader": replace(roles.declared()["bi_reader"], connections=1)}
    monkeypatch.setattr(roles.declaration, "declared", lambda: declared)
    address = make_login("bi_reader")
    with (
        psycopg.connect(address),
        pytest.raises(psycopg.OperationalError, match="too many connections"),
    ):
        psycopg.connect(address)


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
        admin.execute(f"grant {name} to current_user with set true, inherit true")
        admin.execute(f"create database {name} owner {name}")
        parts = urlsplit(postgres)
        place = parts.netloc.rpartition("@")[2]
        address = parts._replace(netloc=f"{name}:plain@{place}", path=f"/{name}").geturl()
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address)
        yield name
        drop_database(admin, name)
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
    with pytest.raises(ConfigError, match="let an administrator `create role plain_"):
        segment_login.connect()


def test_a_login_that_was_given_the_roles_uses_them(plain: str, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        for role in roles.declared():
            admin.execute(f"grant {role} to {plain}")
    migrate()
    assert finding() == doctor.Finding("roles", "ok", f"{len(roles.declared())} roles as declared")
