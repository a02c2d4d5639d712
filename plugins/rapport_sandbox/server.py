"""The sandbox's server process: `python -m rapport_sandbox <folder> <token>`.

>>> SERVER_FILE
'server.json'
"""

import json
import os
import socket
from pathlib import Path

SERVER_FILE = "server.json"


def serve(root: Path, token: str, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until the process is stopped. `server.json` has the port as soon as it is open."""
    import uvicorn

    from rapport_sandbox.app import create_app

    app = create_app(root, token)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    details = {"pid": os.getpid(), "port": listener.getsockname()[1], "token": token}
    part = root / f".{SERVER_FILE}.{os.getpid()}"
    part.write_text(json.dumps(details), encoding="utf-8")
    part.replace(root / SERVER_FILE)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
