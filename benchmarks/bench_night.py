"""Whole runs at several sizes: the first, one without news, one with a day's news.

    python benchmarks/bench_night.py --people 2000 20000
    python benchmarks/bench_night.py --people 200000 --json night.json --against earlier.json

Each size has a warehouse, a sandbox and a folder of its own, and each run is `rapport run`, as an
operator starts it. The invented company is made before, and the processor time of the sandbox is
listed apart: it is not ours. CPU is Rapport's and Postgres' together. Where others use the machine,
compare CPU. The exponent of a stage or model says how its cost grows with the people: 1 is linear.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import yaml
from processes import Watch, postgres_pid

ROOT = Path(__file__).resolve().parent.parent
RAPPORT = str(Path(sys.executable).with_name("rapport"))
RUNS = ("first", "empty", "day")
SLOW = 0.05
"""Models below so many seconds are left out of the table."""
Json = dict[str, Any]


def measured(people: int) -> dict[str, Json]:
    """The three runs of a company of so many people."""
    with tempfile.TemporaryDirectory(prefix="rapport-night-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        settings = yaml.safe_load((ROOT / "rapport.yml").read_text())
        settings["sandbox"]["people"] = people
        (home / "rapport.yml").write_text(yaml.safe_dump(settings))
        os.environ.pop("AIRFLOW_CONN_WAREHOUSE", None)
        os.environ |= {
            "RAPPORT_HOME": str(ROOT),
            "RAPPORT_VAR": str(home / "var"),
            "RAPPORT_CONFIG": str(home / "rapport.yml"),
        }
        try:
            rapport("sandbox", "start")
            runs = {}
            for name in RUNS:
                if name == "day":
                    rapport("sandbox", "next-night")
                say(f"{people:,} people: {name} run")
                runs[name] = one_run(home / "var")
            return runs
        finally:
            rapport("down")
            rapport("db", "remove", "--yes")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def rapport(*args: str) -> None:
    command = [RAPPORT, *args]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"rapport {' '.join(args)} failed:\n{done.stdout[-2000:]}")


def one_run(var: Path) -> Json:
    """One `rapport run`, with what it used."""
    wal = wal_position(var)
    command = [RAPPORT, "run"]
    started = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    parts = {
        "ours": lambda: process.pid,
        "postgres": lambda: postgres(var),
        "sandbox": sandbox_of(var),
    }
    with Watch(parts) as watch:
        output, _ = process.communicate()
    ended = time.time()
    if process.returncode:
        raise SystemExit(f"rapport run ended with {process.returncode}:\n{output[-2000:]}")
    cpu = {part: watch.cpu(part, started, ended) for part in parts}
    with psycopg.connect(warehouse_url()) as connection:
        stages, models = stages_of(connection, watch)
        records, size, written = connection.execute(SIZES).fetchone() or (0, 0, "0/0")
        [wal_bytes] = connection.execute(
            "select %s::pg_lsn - %s::pg_lsn", [written, wal or "0/0"]
        ).fetchone() or (0,)
    return {
        "seconds": ended - started,
        "cpu": cpu,
        "peak_mb": {part: watch.peak(part) for part in parts},
        "wal_mb": float(wal_bytes) / 2**20,
        "disk_mb": size / 2**20,
        "records": int(records),
        "stages": stages,
        "models": models,
    }


def postgres(var: Path) -> int | None:
    try:
        return postgres_pid(var)
    except (OSError, IndexError, ValueError):
        return None


def sandbox_of(var: Path) -> Any:
    def pid() -> int | None:
        try:
            return int(json.loads((var / "sandbox" / "server.json").read_text())["pid"])
        except (OSError, ValueError):
            return None

    return pid


def warehouse_url() -> str:
    from rapport import warehouse

    return warehouse.url()


def wal_position(var: Path) -> str | None:
    """Where the write-ahead log is; None before the first run."""
    if postgres(var) is None:
        return None
    with psycopg.connect(warehouse_url()) as connection:
        row = connection.execute("select pg_current_wal_lsn()::text").fetchone()
    return str(row[0]) if row else None


SIZES = """
select
    (
        select sum((counts ->> 'landed')::bigint)
        from ops.stages
        cross join lateral jsonb_each(result) as streams (stream, counts)
        where kind = 'land' and jsonb_typeof(counts) = 'object'
    ),
    pg_database_size(current_database()),
    pg_current_wal_lsn()::text
"""
STAGES = """
select name, started_at, seconds, result -> 'seconds_by_model'
from ops.stages
where run_id = (select run_id from ops.nights order by started_at desc limit 1)
order by stage_id
"""


def stages_of(connection: psycopg.Connection[Any], watch: Watch) -> tuple[Json, dict[str, float]]:
    """Seconds and CPU of each stage, and seconds of each model, of the newest run."""
    stages: Json = {}
    models: dict[str, float] = {}
    for name, at, seconds, by_model in connection.execute(STAGES):
        begun = at.timestamp()
        cpu = sum(watch.cpu(part, begun, begun + seconds) for part in ("ours", "postgres"))
        one = stages.setdefault(name, {"seconds": 0.0, "cpu": 0.0, "peak_mb": 0.0})
        one["peak_mb"] = max(one["peak_mb"], watch.peak("ours", begun, begun + seconds))
        one["seconds"] += seconds
        one["cpu"] += cpu
        models |= by_model or {}
    return stages, models


def exponent(sizes: list[int], costs: list[float]) -> float | None:
    """The slope of cost against size, both as logarithms; None if a cost is too small to tell."""
    known = [(n, cost) for n, cost in zip(sizes, costs, strict=True) if cost > SLOW]
    if len(known) < 2:
        return None
    (small, few), (large, many) = known[0], known[-1]
    return math.log(many / few) / math.log(large / small)


def lines_of(
    results: dict[int, dict[str, Json]], earlier: dict[int, dict[str, Json]]
) -> Iterable[str]:
    sizes = sorted(results)
    yield (
        f"{'people':>9} {'run':<6}{'seconds':>9}{'ours':>8}{'Postgres':>9}{'sandbox':>8}{'peak':>7}"
        f"{'backend':>8}{'WAL':>7}{'disk':>8}{'a record':>9}{'of first':>9}{'before':>8}"
    )
    yield (
        f"{'':>16}{'':>9}{'CPU s':>8}{'CPU s':>9}{'CPU s':>8}{'MB':>7}{'MB':>8}{'MB':>7}{'MB':>8}"
        f"{'bytes':>9}{'CPU':>9}{'times':>8}"
    )
    for people in sizes:
        for name, run in results[people].items():
            cpu, peak = run["cpu"], run["peak_mb"]
            ours = cpu["ours"] + cpu["postgres"]
            first = results[people]["first"]["cpu"]
            share = ours / (first["ours"] + first["postgres"])
            was = earlier.get(people, {}).get(name)
            before = f"{run['seconds'] / was['seconds']:.2f}" if was else ""
            yield (
                f"{people:>9,} {name:<6}{run['seconds']:>9.1f}{cpu['ours']:>8.1f}"
                f"{cpu['postgres']:>9.1f}{cpu.get('sandbox', 0):>8.1f}{peak.get('ours', 0):>7.0f}"
                f"{peak.get('postgres', 0):>8.0f}{run['wal_mb']:>7.0f}{run['disk_mb']:>8.0f}"
                f"{run['disk_mb'] * 2**20 / run['records']:>9.0f}{share:>9.1%}{before:>8}"
            )
    for kind, unit in (("stages", "CPU s"), ("models", "seconds")):
        for name in RUNS:
            yield ""
            heads = "".join(f"{size:>10,}" for size in sizes)
            memory = f"{'peak MB':>9}" if kind == "stages" else ""
            yield f"{f'{kind} of the {name} run, {unit}':<44}{heads}{'exponent':>10}{memory}"
            yield from growth(kind, name, results, sizes)


def growth(
    kind: str, name: str, results: dict[int, dict[str, Json]], sizes: list[int]
) -> Iterable[str]:
    """The most expensive stages or models, with a bar of their share."""

    def cost(people: int, part: str) -> float:
        found = results[people][name][kind].get(part, 0.0)
        return float(found["cpu"] if kind == "stages" else found or 0.0) if found else 0.0

    parts = sorted(results[sizes[-1]][name][kind], key=lambda part: -cost(sizes[-1], part))
    whole = sum(cost(sizes[-1], part) for part in parts)
    for part in parts[:15]:
        costs = [cost(people, part) for people in sizes]
        if costs[-1] < SLOW:
            break
        told = exponent(sizes, costs)
        memory = ""
        if kind == "stages":
            memory = f"{results[sizes[-1]][name][kind][part]['peak_mb']:>9.0f}"
        bar = "█" * round(30 * costs[-1] / max(whole, 1e-9))
        yield (
            f"{part[:43]:<44}"
            + "".join(f"{one:>10.2f}" for one in costs)
            + f"{'' if told is None else f'{told:.2f}':>10}{memory}  {bar}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[2_000])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--against", type=Path, help="compare with the file of an earlier bench")
    options = parser.parse_args()
    earlier: dict[int, dict[str, Json]] = {}
    if options.against:
        found = json.loads(options.against.read_text())["people"]
        earlier = {int(people): runs for people, runs in found.items()}
    results = {}
    for people in sorted(options.people):
        results[people] = measured(people)
        if options.json:
            machine = {"cores": os.cpu_count(), "memory_gb": psutil.virtual_memory().total >> 30}
            options.json.write_text(
                json.dumps({"at": f"{datetime.now(UTC):%F}", "machine": machine, "people": results})
            )
    sys.stdout.write("\n".join(lines_of(results, earlier)) + "\n")


if __name__ == "__main__":
    main()
