"""Airflow's own api-server with the plugin, for the tests that log in: `<address file> <users>`."""

import json
import sys
import threading
import time
from pathlib import Path

import uvicorn


def main(address: Path, users: dict[str, list[str]]) -> None:
    """Serve on a free port until the process is ended; the address is written when it answers.

    Users are roles and passwords by name, for an auth manager that keeps them in its database.
    """
    from rapport.operations import airflow_env

    airflow_env.ensure_airflow_metadata()
    from airflow.api_fastapi.app import create_app

    app = create_app("core")
    add(users)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    draft = address.with_suffix(".draft")
    draft.write_text(json.dumps({"address": f"http://127.0.0.1:{port}"}))
    draft.replace(address)
    thread.join()


def add(users: dict[str, list[str]]) -> None:
    """Have the users, where Airflow's FAB auth manager decides."""
    from airflow.api_fastapi.app import get_auth_manager

    if type(get_auth_manager()).__name__ != "FabAuthManager":
        return
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        for name, (role, password) in users.items():
            manager = builder.sm
            found = manager.find_role(role)
            assert found is not None, f"no role {role}"
            address = f"{name}@example.com"
            assert manager.add_user(name, name.title(), "Test", address, found, password)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
