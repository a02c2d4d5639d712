"""How fast rows of a CSV file land against a bare COPY of the same rows as JSONB, in one run.

    python benchmarks/bench_files.py --rows 1000000

Reference: the same rows, ready as JSON, by COPY into a table with one JSONB column, no key, one
transaction. Ours: CSV read, cells read, keys, hashes, versions, ledger and index, a commit a batch.
Each run of ours is a process of its own, so that its peak memory is its own.
"""

import argparse
import csv
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
# The goal is 0.5; below the bound something became slower.
WANTED_SHARE, MOST_MEMORY = 0.1, 400
COLUMNS = (
    "order_id", "customer", "email", "ordered_at", "amount", "currency", "quantity", "status",
)  # fmt: skip
MAPPING = {
    "order_id": "order_id", "customer_id": "customer", "email": "email",
    "ordered_at": "ordered_at", "amount": "amount", "currency": "currency",
    "quantity": "quantity", "status": "status",
}  # fmt: skip


def write_rows(folder: Path, count: int) -> tuple[Path, Path]:
    """The same rows as CSV and as lines of JSON."""
    rng = random.Random(1)  # noqa: S311 - data, not secrets
    start = datetime(2025, 1, 1, tzinfo=UTC)
    as_csv, as_json = folder / f"orders-{count}.csv", folder / f"orders-{count}.ndjson"
    with as_csv.open("w", newline="") as file, as_json.open("w") as lines:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            person = rng.randrange(count // 5 + 1)
            at = start + timedelta(seconds=rng.randrange(36_000_000))
            row = (
                f"A-{number:08d}", f"K-{person:07d}", f"person.{person}@shop.example",
                at.strftime("%Y-%m-%d %H:%M:%S"), f"{rng.random() * 200:.2f}", "EUR",
                str(rng.randrange(1, 5)), rng.choice(("completed", "completed", "refunded")),
            )  # fmt: skip
            writer.writerow(row)
            lines.write(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n")
    return as_csv, as_json


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
    from rapport.connectors.files.source import Files
    from rapport.landing import pull

    dataset = {
        "path": str(path), "format": "csv", "entity": "orders", "key": ["order_id"],
        "columns": MAPPING,
    }  # fmt: skip
    source = Files({"datasets": {"bench": dataset}})
    with warehouse.connect(autocommit=True) as connection:
        started = time.perf_counter()
        (result,) = pull(source, connection, run_id="bench", as_of=AS_OF)
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


def forget() -> None:
    """Take away what landed."""
    from rapport.warehouse import connect

    with connect(autocommit=True) as connection:
        connection.execute(
            "drop table if exists raw.files__bench; delete from raw.watermarks;"
            " delete from raw.readings"
        )


def main() -> int:
    """Print a table; exit with 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--land", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.land:
        print(json.dumps(land(options.land)))
        return 0
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ["RAPPORT_VAR"] = str(folder / "var")
        from rapport.warehouse import embedded, migrate

        try:
            migrate()
            as_csv, as_json = write_rows(folder, options.rows)
            small, _ = write_rows(folder, options.rows // 4)
            reference, measured = [], []
            for _ in range(options.rounds):
                reference.append(bare(as_json))
                forget()
                measured.append(ours(as_csv))
            forget()
            quarter = ours(small)
        finally:
            embedded.remove()
    base = statistics.median(reference)
    usual = statistics.median(item["seconds"] for item in measured)
    share, memory = base / usual, max(item["megabytes"] for item in measured)
    grown = memory - quarter["megabytes"]
    print(f"{'':30}{'rows':>10}{'seconds':>10}{'rows/s':>10}{'of bare':>9}{'peak MB':>9}")
    for label, rows, seconds, peak in (
        ("bare COPY into JSONB", options.rows, base, None),
        ("CSV to committed rows", options.rows, usual, memory),
        ("a quarter of the rows", options.rows // 4, quarter["seconds"], quarter["megabytes"]),
    ):
        ratio = base / options.rows * rows / seconds
        shown = f"{peak:9.0f}" if peak else f"{'':>9}"
        print(f"{label:30}{rows:>10,}{seconds:>10.2f}{rows / seconds:>10,.0f}{ratio:>9.2f}{shown}")
    is_good = share >= WANTED_SHARE and memory <= MOST_MEMORY and grown < 60
    kept = "kept" if is_good else "MISSED"
    print(f"bounds: at least {WANTED_SHARE} of bare, {MOST_MEMORY} MB: {kept}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
