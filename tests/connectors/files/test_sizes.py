"""A small file that unpacks to a large one is refused before it is in memory."""

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from rapport.connectors.files import parquet as reader
from rapport.connectors.files.datasets import Dataset

MEBI = 1024 * 1024
TWO_MB = "x" * 2_000_000
WIDE = pyarrow.scalar(TWO_MB.encode(), pyarrow.binary(2_000_000))
DATASET = Dataset(path="x", format="parquet", entity="orders", columns={})

# Reads a file under a limit of address space above what it has after imports; prints what is said.
READ = """
import resource, sys
from rapport.errors import GiveUp
from rapport.connectors.files.source import Files
import pyarrow.parquet, pyarrow.compute
(stream,) = Files({"datasets": {"shop": {"format": "parquet", "entity": "orders",
    "path": sys.argv[1], "columns": {"order_id": "id"}}}}).streams()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]), used + int(sys.argv[2])))
landed = 0
try:
    for page in stream.pages(None, None, None):
        landed += len(page.records)
except GiveUp as error:
    print(error)
print(landed, "landed")
"""


def said(path: Path, limit: int = 400 * MEBI) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(limit)],
        env={**os.environ, "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def small(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    """A file as a stranger may write it: compressed, and without Arrow's own word on its types."""
    given = {"compression": "zstd", "store_schema": False, **options}
    parquet.write_table(pyarrow.table(columns), path, **given)
    assert path.stat().st_size < 100_000
    return path


def repeated(count: int) -> Any:
    """A column of one text, held once."""
    return pyarrow.DictionaryArray.from_arrays(pyarrow.repeat(pyarrow.scalar(0), count), [TWO_MB])


def listed(values: Any) -> Any:
    return pyarrow.ListArray.from_arrays([0, len(values)], values)


HIDDEN: dict[str, Callable[[Path], Path]] = {
    "a text that 2,000 rows name": lambda path: small(
        path, {"id": range(2000), "text": repeated(2000)}
    ),
    "a list of one text": lambda path: small(path, {"id": [1], "texts": listed(repeated(500))}),
    "a list of equal numbers": lambda path: small(
        path, {"id": [1], "numbers": listed(pyarrow.repeat(7, 40_000_000))}
    ),
    "wide values": lambda path: small(
        path, {"id": range(200), "text": pyarrow.repeat(WIDE, 200)}
    ),
    "values told by the one before": lambda path: small(
        path, {"id": range(200), "text": pyarrow.repeat(TWO_MB, 200)}, use_dictionary=False,
        column_encoding={"text": "DELTA_BYTE_ARRAY", "id": "PLAIN"},
    ),
    "a list told by the one before": lambda path: small(
        path, {"id": [1], "texts": listed(pyarrow.repeat(TWO_MB, 200))}, use_dictionary=False,
        column_encoding={"texts.list.element": "DELTA_BYTE_ARRAY", "id": "PLAIN"},
    ),
    "a row group that compresses well": lambda path: small(
        path, {"id": range(200), "text": pyarrow.repeat(TWO_MB, 200)}, use_dictionary=False
    ),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is one of Linux")
@pytest.mark.parametrize("kind", HIDDEN)
def test_a_few_kilobytes_of_parquet_never_fill_the_memory(kind: str, tmp_path: Path) -> None:
    path = HIDDEN[kind](tmp_path / "bomb.parquet")
    found = said(path)
    assert "bomb.parquet" in found
    if kind == "a list told by the one before":
        assert "whose size cannot be told before" in found
    else:
        assert f"of {path.stat().st_size:,} bytes unpacks to" in found
        assert "at most 268,435,456 are read" in found


def test_a_row_that_is_too_long_is_set_aside_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = small(tmp_path / "a.parquet", {"id": [1, 2, 3], "text": ["a", TWO_MB * 9, "c"]})
    with path.open("rb") as file:
        found = list(reader.rows(file, DATASET))
    assert [row.number for row in found] == [1, 2, 3]
    assert [row.values.get("text") for row in found] == ["a", None, "c"]
    assert re.fullmatch(r"row of 180000\d\d bytes, too long", str(found[1].problem))


def test_what_a_dictionary_holds_reads_as_if_it_were_written_out(tmp_path: Path) -> None:
    dice = random.Random(7)
    columns = {
        "id": range(5000),
        "city": [dice.choice(["Köln", "", None]) for _ in range(5000)],
        "raw": [dice.choice([b"\x00\xff", None]) for _ in range(5000)],
        "tags": [dice.choice([["a", None], [], None]) for _ in range(5000)],
        "place": [dice.choice([{"city": "Köln", "no": 1}, None]) for _ in range(5000)],
    }
    found = []
    for name, is_held_once in (("once", True), ("out", False)):
        path = tmp_path / name
        parquet.write_table(pyarrow.table(columns), path, use_dictionary=is_held_once)
        with path.open("rb") as file:
            found.append([row.json for row in reader.rows(file, DATASET)])
    assert found[0] == found[1]
    assert len(found[0]) == 5000
