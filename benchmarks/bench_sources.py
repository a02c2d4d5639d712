"""How fast a first pull goes, from the vendor's page to the committed row, without its limit.

    python benchmarks/bench_sources.py --records 100000

A vendor in a process of its own answers with pages that were made before; so what is measured is
the client, the source, landing and Postgres. `rows a core` is by processor time, which counts
where a machine does other things too: that of our process and of its backend in Postgres,
together. The clock also waits for the vendor, which is not ours. Durable settings (fsync,
synchronous_commit on).
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psutil

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
WANTED = 20_000
TEXT = "A few words about nothing, as long as they are in a usual record. " * 6


def ticket(number: int) -> dict[str, Any]:
    stamp = f"2026-03-{1 + number % 28:02d}T10:00:00Z"
    return {"id": number, "subject": f"Ticket {number}", "description": TEXT, "status": "open",
            "requester_id": number % 5000, "created_at": stamp, "updated_at": stamp,
            "tags": ["de", "shop"], "via": {"channel": "web"}, "custom_fields": []}  # fmt: skip


def zendesk(path: str, query: dict[str, str], records: int) -> dict[str, Any]:
    """The incremental export, a thousand a page."""
    start = int(query.get("cursor", 0))
    rows = [ticket(number) for number in range(start, min(start + 1000, records))]
    end = start + len(rows)
    return {"tickets": rows, "after_cursor": str(end), "end_of_stream": end >= records}


def stripe(path: str, query: dict[str, str], records: int) -> dict[str, Any]:
    """A list, newest first, a hundred a page."""
    if path.endswith("/events"):
        return {"data": [], "has_more": False}
    newest = (
        int(query["starting_after"].removeprefix("cus_"))
        if query.get("starting_after")
        else records
    )
    rows = [
        {"id": f"cus_{number}", "object": "customer", "email": f"p{number}@example.com",
         "description": TEXT, "created": 1_770_000_000 + number, "metadata": {}}
        for number in range(newest - 1, max(newest - 101, -1), -1)
    ]  # fmt: skip
    return {"data": rows, "has_more": newest > 101}


VENDORS = {"zendesk": (zendesk, "tickets"), "stripe": (stripe, "customers")}


def serve(vendor: str, records: int, pipe: Pipe) -> None:
    """Answer until the process ends; a page is made once and kept in bytes."""
    pages: dict[str, bytes] = {}
    answer = VENDORS[vendor][0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path not in pages:
                parts = urlsplit(self.path)
                made = answer(parts.path, dict(parse_qsl(parts.query)), records)
                pages[self.path] = json.dumps(made, separators=(",", ":")).encode()
            body = pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    Handler.disable_nagle_algorithm = True
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    pipe.recv()


def pull(vendor: str, records: int) -> dict[str, float]:
    """Rows, seconds by the clock, by our and Postgres's processor, and peak memory (MB) so far."""
    from rapport import warehouse
    from rapport.connectors import all_sources
    from rapport.landing import land
    from rapport.vendors.connections import Connection

    source = all_sources()[vendor]()
    stream = next(item for item in source.streams() if item.name == VENDORS[vendor][1])
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(vendor, records, theirs))
    process.start()
    host = f"http://127.0.0.1:{ours.recv()}"
    login = Connection(vendor, host=host, login="me/token", password="none")  # noqa: S106
    try:
        with warehouse.connect(autocommit=True) as connection, source.client(login) as client:
            list(stream.pages(client, None, AS_OF))  # the vendor makes its pages
            backend = psutil.Process(connection.info.backend_pid)
            started, spent, theirs_spent = time.perf_counter(), time.process_time(), busy(backend)
            pages = stream.pages(client, None, AS_OF)
            result = land(connection, vendor, stream, pages, run_id="bench", as_of=AS_OF)
            seconds, processor = time.perf_counter() - started, time.process_time() - spent
            postgres = busy(backend) - theirs_spent
    finally:
        ours.send("end")
        process.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": result.landed, "seconds": seconds, "ours": processor, "postgres": postgres,
            "megabytes": peak}  # fmt: skip


def busy(process: psutil.Process) -> float:
    """Seconds of the processor that a process has used."""
    used = process.cpu_times()
    return float(used.user + used.system)


def main() -> int:
    """Print a table; exit with 1 where a source is slower than the bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as name:
        Path(name).chmod(0o711)
        os.environ["RAPPORT_VAR"] = str(Path(name) / "var")
        from rapport.warehouse import embedded, migrate

        try:
            migrate()
            measured = {vendor: pull(vendor, options.records) for vendor in VENDORS}
        finally:
            embedded.remove()
    heads = ("rows", "seconds", "ours", "postgres", "rows a core", "peak MB")
    print(f"{'':12}" + "".join(f"{head:>13}" for head in heads))
    for vendor, found in measured.items():
        print(
            f"{vendor:12}{found['rows']:>13,}{found['seconds']:>13.2f}{found['ours']:>13.2f}"
            f"{found['postgres']:>13.2f}{a_core(found):>13,.0f}{found['megabytes']:>13.0f}"
        )
    slowest = min(map(a_core, measured.values()))
    print(f"{'met' if slowest >= WANTED else 'MISSED'}: at least {WANTED:,} rows a core")
    return 0 if slowest >= WANTED else 1


def a_core(found: dict[str, float]) -> float:
    """Rows a second that one processor would do, of which both processes have their part."""
    return found["rows"] / (found["ours"] + found["postgres"])


if __name__ == "__main__":
    sys.exit(main())
