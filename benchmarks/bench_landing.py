"""How fast records land against a bare COPY of the same rows, in one run, on data it makes itself.

    python benchmarks/bench_landing.py --events 300000

Reference: the same lines by COPY into a table with one JSONB column, no key, one transaction.
Ours: keys parsed, hashes taken, versions, ledger and watermark, a commit a batch, the unique index.
The two take turns; each run of ours is a process of its own, so that its peak memory is its own.
Durable settings (fsync, synchronous_commit on).
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
WANTED_SHARE, MOST_MEMORY = 0.6, 300


def write_events(path: Path, events: int) -> None:
    """Web events of about 450 bytes, one a line."""
    rng = random.Random(1)  # noqa: S311 - data, not secrets
    with path.open("w") as file:
        for number in range(events):
            product = number % 900
            event = {
                "uuid": str(uuid.UUID(int=rng.getrandbits(128))),
                "event_type": "page_view",
                "user_id": f"u_{number % 5000:07d}",
                "device_id": f"{rng.getrandbits(64):016x}",
                "event_time": "2026-03-30 10:00:00.123",
                "server_upload_time": "2026-03-30 10:00:05.200",
                "event_properties": {
                    "url": f"https://shop.example/products/{product}?utm_source=mail",
                    "path": f"/products/{product}",
                    "referrer": "https://search.example/",
                    "utm_source": "mail",
                    "category": "lamps",
                    "price": f"{rng.random() * 100:.2f}",
                },
                "user_properties": {"plan": "pro", "country": "DE"},
            }
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


def bare(path: Path) -> float:
    """Seconds of the reference."""
    from rapport import warehouse

    with warehouse.connect(autocommit=True) as connection:
        connection.execute("drop table if exists bare; create table bare (payload jsonb)")
        started = time.perf_counter()
        with (
            connection.transaction(),
            connection.cursor().copy("copy bare from stdin") as copy,
            path.open("rb") as file,
        ):
            while block := file.read(1 << 20):
                copy.write(block.replace(b"\\", b"\\\\"))
        return time.perf_counter() - started


def land(path: Path) -> dict[str, float]:
    """Seconds, rows and peak memory (MB) of ours, in this process."""
    from rapport import warehouse
    from rapport.landing import land as load
    from rapport.vendors.source import Page, Stream

    def pages() -> Iterator[Page]:
        with path.open("rb") as file:
            while lines := file.readlines(1 << 22):
                yield Page([line.rstrip(b"\n") for line in lines])

    stream = Stream(name="events", key=("uuid",))
    with warehouse.connect(autocommit=True) as connection:
        started = time.perf_counter()
        result = load(connection, "bench", stream, pages(), run_id="bench", as_of=AS_OF)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "landed": result.landed, "megabytes": peak}


def ours(path: Path) -> dict[str, float]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--land", str(path)], check=True, stdout=subprocess.PIPE
    )
    outcome: dict[str, float] = json.loads(done.stdout)
    return outcome


def main() -> int:
    """Print a table; exit with 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--land", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.land:
        print(json.dumps(land(options.land)))
        return 0
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ["RAPPORT_VAR"] = str(folder / "var")
        from rapport.warehouse import connect, embedded, migrate

        try:
            migrate()
            once, thrice = folder / "events.ndjson", folder / "more.ndjson"
            write_events(once, options.events)
            write_events(thrice, 3 * options.events)
            reference, measured = [], []
            for _ in range(options.rounds):
                reference.append(bare(once))
                with connect(autocommit=True) as connection:
                    connection.execute("drop table if exists raw.bench__events")
                measured.append(ours(once))
            again = ours(once)
            with connect(autocommit=True) as connection:
                connection.execute("drop table raw.bench__events")
            large = ours(thrice)
        finally:
            embedded.remove()
    base = statistics.median(reference)
    usual = statistics.median(item["seconds"] for item in measured)
    share, memory = base / usual, max(item["megabytes"] for item in measured)
    rows = [
        ("bare COPY into JSONB", options.events, base, 1.0, None),
        ("landing, first time", options.events, usual, share, memory),
        ("landing, nothing new", options.events, again["seconds"], base / again["seconds"],
         again["megabytes"]),
        ("landing, three times as much", 3 * options.events, large["seconds"],
         3 * base / large["seconds"], large["megabytes"]),
    ]  # fmt: skip
    print(f"{'':30}{'rows':>10}{'seconds':>10}{'rows/s':>10}{'of bare':>9}{'peak MB':>9}")
    for label, events, seconds, ratio, peak in rows:
        shown = f"{peak:9.0f}" if peak else f"{'':>9}"
        print(
            f"{label:30}{events:>10,}{seconds:>10.2f}{events / seconds:>10,.0f}{ratio:>9.2f}{shown}"
        )
    grows = large["megabytes"] > memory * 1.25
    good = share >= WANTED_SHARE and memory <= MOST_MEMORY and not grows
    print(
        f"{'met' if good else 'MISSED'}: at least {WANTED_SHARE} of the bare rate (median of "
        f"{options.rounds}), under {MOST_MEMORY} MB, not growing with the input"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
