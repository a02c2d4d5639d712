"""Airflow's own api-server with the plugin, for the test that logs in: `<address file>`."""

import json
import sys
import threading
import time
from pathlib import Path

import uvicorn


def main(address: Path) -> None:
    """Serve on a free port until the process is ended; the address is written when it answers."""
    from rapport.warehouse import airflow_env

    airflow_env.ensure_airflow_metadata()
    from airflow.api_fastapi.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(create_app("core"), host="127.0.0.1", port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    draft = address.with_suffix(".draft")
    draft.write_text(json.dumps({"address": f"http://127.0.0.1:{port}"}))
    draft.replace(address)
    thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
