"""docker-compose.yml: valid, closed to the outside, without a password that everybody knows."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import typer
import yaml

from rapport.cli import application
from rapport.paths import under_project
from rapport.warehouse import data_folder as warehouse_place
from rapport.warehouse import embedded, migrate, segment_login

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("build")}
SECRETS = {
    "RAPPORT_POSTGRES_PASSWORD": "d",
    "RAPPORT_DB_PASSWORD": "a",
    "RAPPORT_AIRFLOW_DB_PASSWORD": "b",
    "RAPPORT_REDIS_PASSWORD": "c",
}


def test_it_follows_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_docker_reads_it() -> None:
    command = ["docker", "compose", "version"]
    if not shutil.which("docker") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no docker compose here")
    config = ["docker", "compose", "--profile", "*", "--file", str(FILE), "config", "--quiet"]
    done = subprocess.run(config, capture_output=True, text=True, env=SECRETS, check=False)
    assert done.returncode == 0, done.stderr


def test_the_services_are_all_there() -> None:
    profiles = {name: tuple(service.get("profiles", ())) for name, service in SERVICES.items()}
    assert profiles == {
        "postgres": (),
        "init": (),
        "api-server": (),
        "scheduler": (),
        "dag-processor": (),
        "triggerer": (),
        "sandbox": ("demo",),
        "redis": ("celery",),
        "worker": ("celery",),
    }


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"init"}))
def test_each_service_says_when_it_is_healthy(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []


def test_no_password_has_a_default() -> None:
    text = FILE.read_text()
    used = re.findall(r"\$\{(?!AIRFLOW_CONN_)(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}", text)
    assert {name for name, _ in used} == set(SECRETS)
    for name, rest in used:
        if name == "RAPPORT_REDIS_PASSWORD":
            assert rest == ":-", "demanded where Redis starts"
        else:
            assert rest.startswith(":?"), name
    example = (ROOT / ".env.example").read_text()
    assert all(f"{name}=" in example for name in SECRETS)


def test_redis_does_not_start_without_a_password() -> None:
    script = SERVICES["redis"]["command"][2].replace("$$", "$")
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"RAPPORT_REDIS_PASSWORD" in done.stderr


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_of_our_services_runs_a_command_that_exists(name: str) -> None:
    command = [str(word) for word in OURS[name]["command"]]
    group: Any = typer.main.get_command(application)
    while hasattr(group, "commands"):
        assert command[0] in group.commands, f"rapport has no command {command[0]}"
        group = group.commands[command.pop(0)]
    options = {option for parameter in group.params for option in parameter.opts}
    if group.name != "airflow":
        assert {word for word in command if word.startswith("--")} <= options


def test_the_image_installs_the_lock_with_hashes_as_an_unprivileged_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    user = next(number for number, line in enumerate(lines) if line.startswith("USER "))
    install = next(number for number, line in enumerate(lines) if "--require-hashes" in line)
    assert lines[user] == "USER rapport"
    assert user < install
    assert not any(line.startswith("USER root") for line in lines)


IMAGE = (ROOT / "Dockerfile").read_text()
HOME = "/opt/rapport"


def volumes() -> list[tuple[str, str]]:
    """Each mount of our services: what is mounted, and where."""
    found = {str(volume) for service in OURS.values() for volume in service["volumes"]}
    return sorted((parts[0], parts[1]) for parts in (volume.split(":") for volume in found))


def test_every_volume_is_mounted_where_the_image_has_a_folder_of_its_user() -> None:
    """Docker gives a new volume the owner of the folder that is there; else it is root's."""
    (made,) = re.findall(r"install -d -o rapport -g rapport ((?:\S+ |\\\n\s+|\S+$)+)", IMAGE, re.M)
    folders = set(made.replace("\\\n", " ").split())
    named = {place for source, place in volumes() if not source.startswith(".")}
    assert named <= folders
    assert set(json.loads(re.findall(r"^VOLUME (.+)$", IMAGE, re.M)[0])) == named
    assert re.search(r"useradd .*--uid 10001 rapport", IMAGE)


def test_exports_go_into_their_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = OURS["scheduler"]["environment"]
    for name in ("RAPPORT_HOME", "RAPPORT_VAR"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setattr(Path, "resolve", lambda path, strict=False: path)
    settings = yaml.safe_load((ROOT / "rapport.yml").read_text())
    path = under_project(settings["destinations"]["files"]["path"])
    assert ("exports", str(path)) in volumes()
    assert ("var", environment["RAPPORT_VAR"]) in volumes()
    assert ("./in", str(under_project("in"))) in volumes()


@pytest.mark.parametrize("file", [".gitignore", ".dockerignore"])
def test_what_holds_customers_or_secrets_is_in_no_commit_and_no_image(file: str) -> None:
    lines = {line.strip("/") for line in (ROOT / file).read_text().splitlines()}
    assert {"in", "var", "exports", ".env", ".env.*", "!.env.example"} <= lines


def test_git_leaves_them_out_and_takes_the_example() -> None:
    asked = ["in/orders.csv", "var/exports/a.csv", ".env", ".env.production", ".env.example"]
    command = ["git", "check-ignore", "--no-index", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a checkout")
    assert done.stdout.split() == asked[:-1]


@pytest.mark.parametrize("name", sorted(OURS))
def test_connections_of_a_name_of_one_s_own_reach_the_containers(name: str) -> None:
    """`files_meta: {kind: files}` and `conn_id: partner` are in no list that we could write."""
    assert OURS[name]["env_file"] == [{"path": ".env", "required": False}]


def test_no_connection_or_secret_of_env_reaches_the_images_of_others() -> None:
    assert not [
        name for name, service in SERVICES.items() if name not in OURS and "env_file" in service
    ]


def test_compose_names_no_connection_but_the_warehouse_and_hands_over_the_rest_of_env() -> None:
    found = re.findall(r"^# (AIRFLOW_CONN_\w+)=", (ROOT / ".env.example").read_text(), re.M)
    assert sorted(found) == sorted(set(found))
    given = re.findall(r"^  (AIRFLOW_CONN_\w+):", FILE.read_text(), re.M)
    assert set(given) == {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CONN_WAREHOUSE_SEGMENTS"}
    assert set(given) < set(found)


def test_every_base_image_has_a_version() -> None:
    images = [one["image"] for one in SERVICES.values() if not one.get("build")]
    images += re.findall(r"^FROM (\S+)", IMAGE, re.M)
    assert sorted(name.partition(":")[0] for name in images) == ["postgres", "python", "redis"]
    assert [name for name in images if not re.search(r":\d", name)] == []


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new Postgres with its superuser and nothing else; its address."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-test-"))
    folder.chmod(0o711)
    monkeypatch.setenv("RAPPORT_VAR", str(folder / "var"))
    monkeypatch.setattr(embedded.cluster, "first_statements", lambda passwords: {})
    yield embedded.url("postgres", embedded.ADMIN)
    embedded.remove()
    shutil.rmtree(folder)


def test_the_first_statements_make_the_logins_and_none_of_them_is_a_superuser(
    bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given,) = SERVICES["postgres"]["configs"]
    assert given["target"].startswith("/docker-entrypoint-initdb.d/")
    harden, place, _ = SERVICES["postgres"]["volumes"][1].split(":")
    content = yaml.safe_load(FILE.read_text())["configs"][given["source"]]["content"]
    content = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS[found[1]], content)
    psql = str(warehouse_place.package() / "bin" / "psql")
    done = subprocess.run(
        [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", bare],
        input=content.replace(place, str(ROOT / harden)), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = SERVICES["init"]["environment"]["AIRFLOW_CONN_WAREHOUSE"]
    found = json.loads(told.partition(', "password')[0] + "}")
    port = urlsplit(bare).port
    address = f"postgresql://{found['login']}:a@127.0.0.1:{port}/{found['schema']}"
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(
            "select rolsuper, rolcreaterole from pg_roles where rolname = current_user"
        )
        assert row.fetchone() == (False, True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select pg_advisory_lock(1)")
    airflow = f"postgresql://airflow:b@127.0.0.1:{port}/airflow"
    with psycopg.connect(airflow, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(1); create table kept (a int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(airflow.removesuffix("airflow") + "warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address)
    migrate()
    segment_login.connect().close()
