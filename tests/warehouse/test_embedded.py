"""The embedded Postgres: one server, behind a password, on this machine only, hard to kill."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from rapport.errors import ConfigError
from rapport.warehouse import data_folder, embedded

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def var(public: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own folder for an own server."""
    monkeypatch.setenv("RAPPORT_VAR", str(public / "var"))
    yield public / "var"
    embedded.remove()


def ask(query: str, database: str = "warehouse") -> str:
    with psycopg.connect(embedded.url(database)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""


def test_it_is_a_durable_utf8_server_in_utc(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "server_encoding": "UTF8",
            "timezone": "UTC",
            "password_encryption": "scram-sha-256",
            "log_parameter_max_length_on_error": "0",
        }.items():
            row = connection.execute("select current_setting(%s)", [setting]).fetchone()
            assert row == (value,), setting
        row = connection.execute("select upper('straße müller жук')").fetchone()
        assert row is not None
        assert row[0].endswith("MÜLLER ЖУК")


def test_a_wrong_password_is_refused(postgres: str) -> None:
    fields = psycopg.conninfo.conninfo_to_dict(postgres)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(psycopg.conninfo.make_conninfo("", **{**fields, "password": "wrong"}))


def test_airflows_login_cannot_open_the_warehouse(postgres: str) -> None:
    address = urlsplit(embedded.url("airflow"))._replace(path="/warehouse").geturl()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address)


def test_the_passwords_can_be_read_by_their_owner_only(postgres: str) -> None:
    assert data_folder.find().passwords.stat().st_mode & 0o777 == 0o600


def test_it_listens_on_127_0_0_1_only(superuser: str) -> None:
    server = embedded.start()
    with psycopg.connect(superuser) as connection:
        row = connection.execute("show unix_socket_directories").fetchone()
        assert row == ("",)
    for family, host in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            assert probe.connect_ex((host, server.port)) != 0


def test_values_of_failing_statements_stay_out_of_the_log(postgres: str) -> None:
    with psycopg.connect(postgres) as connection, pytest.raises(psycopg.Error):
        connection.execute("select 'canary@example.com'::int")
    assert "canary" not in data_folder.find().log.read_text()


def test_ten_processes_at_once_start_one_server(var: Path) -> None:
    code = "from rapport.warehouse import embedded; print(embedded.start().pid)"
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(10)]
    pids = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert pids == {str(embedded.start().pid)}


def test_what_was_committed_survives_kill_9_of_the_server(var: Path) -> None:
    with psycopg.connect(embedded.url()) as connection:
        connection.execute("create table kept (a int)")
        connection.execute("insert into kept values (42)")
    open_transaction = psycopg.connect(embedded.url())
    open_transaction.execute("insert into kept values (43)")
    before = embedded.start()
    os.kill(before.pid, signal.SIGKILL)
    wait_until_gone(before.pid)
    assert embedded.status() is None
    assert ask("select string_agg(a::text, ',') from kept") == "42"
    assert embedded.start().pid != before.pid
    assert embedded.start().port == before.port
    open_transaction.close()


def test_a_busy_worker_of_a_killed_server_does_not_block_the_next_one(var: Path) -> None:
    busy = psycopg.connect(embedded.url())
    endless = "do $$ begin loop perform 1; end loop; end $$"

    def work() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute(endless)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while ask("select count(*) from pg_stat_activity where query like 'do $$%'") != "1":
        assert time.monotonic() < deadline
    server = embedded.start()
    os.kill(server.pid, signal.SIGKILL)
    wait_until_gone(server.pid)
    assert ask("select 1") == "1"
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_a_pid_file_that_names_another_process_is_seen_through(var: Path) -> None:
    embedded.start()
    pid_file = data_folder.find().data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    embedded.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert embedded.status() is None
        assert ask("select 1") == "1"
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="asks ps, as on macOS")
def test_without_proc_a_narrow_terminal_does_not_hide_the_server(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("COLUMNS", "40")
    assert embedded.status() is not None


def test_an_initdb_that_was_killed_half_way_is_done_again(var: Path) -> None:
    where = data_folder.find()
    draft = where.cluster / "draft-1"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    assert ask("select 1") == "1"
    assert not draft.exists()


def test_a_starter_killed_in_the_middle_of_initdb_leaves_nothing_in_the_way(var: Path) -> None:
    cluster = data_folder.find().cluster
    code = "from rapport.warehouse import embedded; embedded.start()"
    starter = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not list(cluster.glob("draft-*/base")) and time.monotonic() < deadline:
        time.sleep(0.001)
    starter.kill()
    starter.wait()
    assert not (cluster / "data").exists()
    assert ask("select 1") == "1"
    assert not list(cluster.glob("draft-*"))


def test_a_port_that_was_taken_meanwhile_is_left_alone(var: Path) -> None:
    port = embedded.start().port
    embedded.stop()
    with socket.create_server(("127.0.0.1", port)):
        assert embedded.start().port != port


def test_lost_passwords_are_said_and_the_data_stays(var: Path) -> None:
    embedded.start()
    where = data_folder.find()
    kept = where.passwords.read_text()
    where.passwords.unlink()
    with pytest.raises(ConfigError, match="passwords of the embedded Postgres are gone"):
        embedded.url()
    where.passwords.write_text(kept)
    assert ask("select 1") == "1"


def test_data_of_another_major_version_is_refused(var: Path) -> None:
    embedded.start()
    embedded.stop()
    version = data_folder.find().data / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ConfigError, match="made by Postgres 17, but this is 18"):
        embedded.start()


@AS_ROOT
def test_as_root_it_runs_as_another_user(postgres: str) -> None:
    assert Path(f"/proc/{embedded.start().pid}").stat().st_uid != 0


@AS_ROOT
def test_from_a_private_home_data_and_binaries_go_elsewhere(
    public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = public / "home"
    private.mkdir(mode=0o700)
    installed = data_folder.package()
    for name in (data_folder.PACKAGE, f"{data_folder.PACKAGE}.libs"):
        if (installed.parent.parent / name).exists():
            (private / name).symlink_to(installed.parent.parent / name)
    monkeypatch.setattr(data_folder, "SHARED", public / "shared")
    monkeypatch.setattr(
        data_folder, "package", lambda: private / data_folder.PACKAGE / installed.name
    )
    monkeypatch.setenv("RAPPORT_VAR", str(private / "var"))
    try:
        assert ask("select 1") == "1"
        where = data_folder.find()
        assert where.home.is_relative_to(public / "shared")
        assert where.binaries.is_relative_to(public / "shared")
        assert (private / "var" / "postgres" / "home").read_text().strip() == str(where.home)
        assert private.stat().st_mode & 0o777 == 0o700
        account = where.account
        assert account is not None
        denied = subprocess.run(
            ["/bin/ls", str(private)],
            capture_output=True, check=False, **data_folder.identity(account),
        )  # fmt: skip
        assert denied.returncode != 0
    finally:
        embedded.remove()
    assert not where.home.exists()


@AS_ROOT
def test_as_an_ordinary_user_it_runs_as_that_user(public: Path) -> None:
    """In a process that gives up root for good."""
    account = data_folder.find().account
    assert account is not None
    (public / "var").mkdir()
    data_folder.find().give(public / "var")
    code = (
        "import os, sys; from pathlib import Path; from rapport.warehouse import embedded;"
        f"os.setgroups([]); os.setgid({account.gid}); os.setuid({account.uid});"
        "server = embedded.start();"
        "print(Path(f'/proc/{server.pid}').stat().st_uid == os.geteuid() != 0);"
        "embedded.remove()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RAPPORT_VAR": str(public / "var")},
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "True", done.stderr


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return


def test_the_owner_of_the_warehouse_is_no_superuser_and_may_make_roles_only(var: Path) -> None:
    embedded.start()
    flags = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    with psycopg.connect(embedded.url()) as connection:
        row = connection.execute(f"select {flags} from pg_roles where rolname = current_user")
        assert row.fetchone() == (False, False, True, False, False)
        for program in ("to program 'true'", "to '/tmp/people'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"copy (select 1) {program}")
    assert ask("select rolsuper from pg_roles where rolname = current_user", "airflow") == "False"


def test_nobody_but_the_superuser_takes_advisory_locks_or_writes_large_objects(var: Path) -> None:
    with psycopg.connect(embedded.url(), autocommit=True) as connection:
        for call in ("pg_advisory_lock(1)", "pg_try_advisory_xact_lock(1, 1)", "lo_create(0)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select {call}")
    assert ask("select pg_try_advisory_lock(1)", "airflow") == "True"


@pytest.fixture
def old_cluster(var: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server as the first release made it: the owner is the superuser, with things of its own."""

    def first(passwords: dict[str, str]) -> dict[str, str]:
        return {
            "postgres": f"create role airflow login password '{passwords['airflow']}';\n\n"
            "create database warehouse owner rapport;\n\n"
            "create database airflow owner airflow;\n\n"
        }

    with monkeypatch.context() as patch:
        patch.setattr(embedded, "ADMIN", embedded.OWNER)
        patch.setattr(embedded.cluster, "first_statements", first)
        with psycopg.connect(embedded.url(), autocommit=True) as connection:
            connection.execute(
                "create schema kept; create table kept.people (id int generated always as identity,"
                " number serial); create view kept.seen as select id from kept.people;"
                "insert into kept.people default values; create role bi_reader;"
                "create function kept.one() returns int language sql return 1;"
                "grant usage on schema kept to bi_reader; grant select on kept.people to bi_reader"
            )
    return var


def owners() -> set[str]:
    return set(
        ask(
            "select string_agg(distinct owner, ',') from ("
            " select nspowner::regrole::text as owner from pg_namespace where nspname = 'kept'"
            " union all select relowner::regrole::text from pg_class"
            " where relnamespace = 'kept'::regnamespace"
            " union all select proowner::regrole::text from pg_proc"
            " where pronamespace = 'kept'::regnamespace"
            " union all select datdba::regrole::text from pg_database where datname = 'warehouse'"
            ") as found"
        ).split(",")
    )


def test_a_server_whose_owner_was_the_superuser_comes_forward(old_cluster: Path) -> None:
    assert ask("select rolsuper from pg_roles where rolname = current_user") == "False"
    assert owners() == {"rapport"}
    assert ask("select count(*) from kept.seen") == "1"
    assert ask("select has_table_privilege('bi_reader', 'kept.people', 'select')") == "True"
    assert ask("select pg_has_role('bi_reader', 'set')") == "True"
    assert ask("select count(*) from pg_roles where rolsuper and rolcanlogin") == "1"
    with psycopg.connect(embedded.url(), autocommit=True) as connection:
        connection.execute("insert into kept.people default values")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select pg_advisory_lock(1)")


def test_a_server_of_ones_own_is_brought_there_by_a_command(
    old_cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "ADMIN", embedded.OWNER)
        address = embedded.url()
    password = embedded.cluster.demote_login(address)
    assert password is not None
    assert embedded.cluster.demote_login(address) is None
    with psycopg.connect(address) as connection:
        query = "select rolsuper from pg_roles where rolname = current_user"
        assert connection.execute(query).fetchone() == (False,)
        assert connection.execute("select count(*) from kept.seen").fetchone() == (1,)
    admin = address.replace(urlsplit(address).netloc.partition("@")[0], f"postgres:{password}")
    psycopg.connect(admin).close()


@pytest.mark.parametrize("moment", ["_set_password", "HAND_OVER", "HARDEN"])
def test_a_kill_on_the_way_forward_is_taken_up_by_the_next_start(
    old_cluster: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        broken = die if moment == "_set_password" else "select 1 / 0"
        patch.setattr(embedded.cluster, moment, broken)
        with pytest.raises((Killed, psycopg.errors.DivisionByZero)):
            embedded.start()
    assert owners() == {"rapport"}
    assert ask("select rolsuper from pg_roles where rolname = current_user") == "False"
