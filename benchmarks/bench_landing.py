"""How fast records land against a bare COPY of the same rows, in one run, on data it makes itself.

    python benchmarks/bench_landing.py --events 300000

Ours: keys parsed, hashes taken, versions, ledger and watermark, a commit a batch, the unique index.
The two take turns; each run of ours is a process of its own, so that its peak memory is its own.
Durable settings (fsync, synchronous_commit on).
"""

import argparse
import json
import random
import statistics
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from beside_copy import Measured, bare, measure, ours, print_table, temporary_warehouse

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


def land(path: Path) -> dict[str, float]:
    """Seconds, rows and peak memory of ours, in this process."""
    from rapport import warehouse
    from rapport.landing import land as load
    from rapport.vendors.source import Page, Stream

    def pages() -> Iterator[Page]:
        with path.open("rb") as file:
            while lines := file.readlines(1 << 22):
                yield Page([line.rstrip(b"\n") for line in lines])

    stream = Stream(name="events", key=("uuid",))
    with warehouse.connect(autocommit=True) as connection:
        return measure(
            lambda: load(connection, "bench", stream, pages(), run_id="bench", as_of=AS_OF)
        )


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
    with temporary_warehouse() as folder:
        from rapport.warehouse import connect

        once, thrice = folder / "events.ndjson", folder / "more.ndjson"
        write_events(once, options.events)
        write_events(thrice, 3 * options.events)
        reference, measured = [], []
        for _ in range(options.rounds):
            reference.append(bare(once))
            with connect(autocommit=True) as connection:
                connection.execute("drop table if exists raw.bench__events")
            measured.append(ours(__file__, "--land", str(once)))
        again = ours(__file__, "--land", str(once))
        with connect(autocommit=True) as connection:
            connection.execute("drop table raw.bench__events")
        large = ours(__file__, "--land", str(thrice))
    base, count = statistics.median(reference), options.events
    usual = statistics.median(item["seconds"] for item in measured)
    memory = max(item["megabytes"] for item in measured)
    first = Measured("landing, first time", count, usual, base, memory)
    more = large["seconds"], 3 * base, large["megabytes"]
    print_table(
        [
            Measured("bare COPY into JSONB", count, base, base),
            first,
            Measured("landing, nothing new", count, again["seconds"], base, again["megabytes"]),
            Measured("landing, three times as much", 3 * count, *more),
        ]
    )
    grows = large["megabytes"] > memory * 1.25
    good = first.share >= WANTED_SHARE and memory <= MOST_MEMORY and not grows
    print(
        f"{'met' if good else 'MISSED'}: at least {WANTED_SHARE} of the bare rate (median of "
        f"{options.rounds}), under {MOST_MEMORY} MB, not growing with the input"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
