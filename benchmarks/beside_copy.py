"""What the benches of landing share: a bare COPY as the reference, processes, the table.

The reference: the same rows, ready as lines of JSON, by COPY into a table with one JSONB column, no
key, one transaction. Each run of ours is a process of its own, so that its peak memory is its own.

>>> with temporary_warehouse() as folder:  # doctest: +SKIP
...     seconds = bare(folder / "rows.ndjson")
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Measured(NamedTuple):
    """A line of the table; `bare` is how long the reference takes for as many rows."""

    label: str
    rows: int
    seconds: float
    bare: float
    megabytes: float | None = None

    @property
    def share(self) -> float:
        return self.bare / self.seconds


@contextmanager
def temporary_warehouse() -> Iterator[Path]:
    """A folder for files, and a migrated warehouse that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ["RAPPORT_VAR"] = str(folder / "var")
        from rapport.warehouse import embedded, migrate

        try:
            migrate()
            yield folder
        finally:
            embedded.remove()


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


def measure(land: Callable[[], Any]) -> dict[str, float]:
    """Seconds, rows and peak memory (MB) of `land`, which returns a result, in this process."""
    started = time.perf_counter()
    result = land()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "landed": result.landed, "megabytes": peak}


def ours(script: str, *arguments: str) -> dict[str, float]:
    """What `measure` gives in a process of its own, which prints it as JSON."""
    done = subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE)
    outcome: dict[str, float] = json.loads(done.stdout)
    return outcome


def print_table(lines: list[Measured]) -> None:
    print(f"{'':32}{'rows':>10}{'seconds':>10}{'rows/s':>10}{'of bare':>9}{'peak MB':>9}")
    for line in lines:
        shown = f"{line.megabytes:9.0f}" if line.megabytes else ""
        print(
            f"{line.label:32}{line.rows:>10,}{line.seconds:>10.2f}"
            f"{line.rows / line.seconds:>10,.0f}{line.share:>9.2f}{shown}"
        )
