"""docker-compose.yml: valid, closed to the outside, without a password that everybody knows."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from rapport.cli import application

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("build")}
SECRETS = {
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
