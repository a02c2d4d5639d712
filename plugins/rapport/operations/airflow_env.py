"""The environment in which Airflow runs here, the same for `rapport run`, `make up` and tests.

>>> environment()["AIRFLOW__CORE__PARALLELISM"]  # doctest: +SKIP
'4'
"""

import base64
import importlib.metadata
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import psycopg

from rapport.errors import ConfigError
from rapport.file_locks import held
from rapport.paths import private, private_file, project_root, var_dir

HOST = "127.0.0.1"
PORT = 8080
LOGIN = "admin"
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
SILENT = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "SCARF_ANALYTICS": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


def home() -> Path:
    """Airflow's own folder: its logs, pid files and secrets."""
    return var_dir() / "airflow"


def environment() -> dict[str, str]:
    """The variables to set; a value that the caller's environment already has wins.

    Makes the secrets and starts the embedded Postgres if need be.
    """
    root, keys = project_root(), generated()
    address = f"http://{HOST}:{os.environ.get('AIRFLOW__API__PORT') or PORT}"
    wanted = {
        **SILENT,
        "RAPPORT_HOME": str(root),
        "RAPPORT_VAR": str(var_dir()),
        "AIRFLOW_HOME": str(home()),
        "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__HIDE_SENSITIVE_VAR_CONN_FIELDS": "True",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home() / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(PORT),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home() / "logs"),
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
    }
    if os.environ.get(DATABASE):
        wanted[DATABASE] = os.environ[DATABASE]
    else:
        from rapport.warehouse import airflow_url

        wanted[DATABASE] = airflow_url().replace("postgresql://", "postgresql+psycopg2://", 1)
    return {name: os.environ.get(name) or value for name, value in wanted.items()}


def apply() -> None:
    """Set the variables for this process and its children; call it before importing Airflow."""
    os.environ.update(environment())
    tools = str(Path(sys.executable).parent)
    if tools not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, [tools, os.environ.get("PATH")]))


def generated() -> dict[str, str]:
    """Airflow's keys and the password of its login, made once, readable by their owner only."""
    home().mkdir(parents=True, exist_ok=True)
    file = home() / "secrets.json"
    with held(home() / ".secrets.lock"):
        keys: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if not keys:
            keys = {
                "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "api": secrets.token_urlsafe(32),
                "jwt": secrets.token_urlsafe(48),
                "password": secrets.token_urlsafe(12),
            }
            private_file(file, json.dumps(keys))
        if not (home() / "passwords.json").exists():
            private_file(home() / "passwords.json", json.dumps({LOGIN: keys["password"]}))
    return keys


def ensure_airflow_metadata() -> bool:
    """Bring Airflow's tables up to date if they are not; returns whether that was needed.

    `airflow db migrate` takes seconds even where there is nothing to do, so what it left behind
    last time is compared first.
    """
    apply()
    marker = home() / "metadata"
    with held(home() / ".metadata.lock"):
        if marker.exists() and marker.read_text() == _metadata_version():
            return False
        log = home() / "migrate.log"
        with open(log, "w", opener=private) as output:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                stdout=output, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if done.returncode:
            raise ConfigError(f"airflow db migrate failed ({done.returncode}): see {log}.")
        marker.write_text(_metadata_version())
    return True


def _metadata_version() -> str:
    """Airflow's version and the revision of its tables; empty if there are none."""
    version = importlib.metadata.version("apache-airflow")
    address = os.environ[DATABASE].replace("+psycopg2", "").replace("+psycopg", "")
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    return f"{version} {row[0] if row else ''}"
