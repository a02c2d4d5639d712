"""Compares records on a DuckDB in memory: loads them, counts patterns of agreement, scores pairs.

DuckDB has a memory limit and spills to a temporary folder. No data is logged.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from math import log2
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from rapport.identity.matching.comparisons import (
    COMPARISONS,
    LETTERS,
    NAMES,
    TEXTS,
    WEIGHED,
    compared,
)
from rapport.identity.matching.weights import Seen, Weights

COLUMNS = {
    "profile_key": pa.int64(),
    **{column: pa.string() for column in TEXTS},
    "emails": pa.list_(pa.int64()),
    "accounts": pa.list_(pa.int64()),
    "keys": pa.list_(pa.int64()),
    **{f"frequency_{column}": pa.float64() for column in WEIGHED},
}
"""The columns of a loaded record: fields, identifiers, blocking keys and value frequencies."""

RANDOM_PAIRS = 200_000
TRAINING_RECORDS = 100_000
RECORDS_A_CHUNK = 100_000
CHUNK = 50_000
Pair = tuple[int, int, float, list[float | None]]


class Scorer:
    """A DuckDB with the records and scores of one run.

    >>> with Scorer(memory_mb=512, folder=folder) as scorer:  # doctest: +SKIP
    ...     scorer.load(rows, is_new=True)
    ...     weights = estimate(scorer.candidates(), scorer.strangers(), scorer.records)
    ...     pairs = list(scorer.scored(weights, at_least=0.5))
    """

    def __init__(self, memory_mb: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._spill = tempfile.TemporaryDirectory(dir=folder, prefix="matching-")
        self.duckdb = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self.records = 0
        self.duckdb.register("chunk", pa.schema(list(COLUMNS.items())).empty_table())
        self.duckdb.execute(f"create table records as {LOADED.format(is_new=True)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.duckdb.close()
        self._spill.cleanup()

    def load(self, chunks: Iterable[Sequence[Sequence[Any]]], *, is_new: bool) -> int:
        """Load rows with the columns `COLUMNS`; returns how many. Pairs have a new record."""
        schema = pa.schema(list(COLUMNS.items()))
        loaded = 0
        for rows in chunks:
            columns = [list(column) for column in zip(*rows, strict=True)]
            arrays = [pa.array(c, kind) for c, kind in zip(columns, COLUMNS.values(), strict=True)]
            self.duckdb.register("chunk", pa.table(arrays, schema=schema))
            self.duckdb.execute(f"insert into records {LOADED.format(is_new=is_new)}")
            loaded += len(rows)
        self.records += loaded
        return loaded

    def candidates(self) -> tuple[Seen, int]:
        """Patterns of the pairs that share a key, and among how many records these were sought."""
        share = max(1, -(-self.records // TRAINING_RECORDS))
        some = f"hash(profile_key) % {share} = 0"
        self.duckdb.execute(f"create or replace table trained as from records where {some}")
        found = CANDIDATES.format(some="true", records="trained")
        self.duckdb.execute(f"create or replace table pairs as {found}")
        [[count]] = self.duckdb.execute("select count(*) from trained").fetchall()
        return self._seen(), int(count)

    def strangers(self) -> Seen:
        """Patterns of random pairs of records, nearly all of which are of two people."""
        total = self.records * (self.records - 1) // 2
        query = (
            EACH_PAIR
            if total <= RANDOM_PAIRS
            else RANDOM.format(records=self.records, pairs=RANDOM_PAIRS)
        )
        self.duckdb.execute(NUMBERED)
        self.duckdb.execute(f"create or replace table pairs as {query}")
        return self._seen()

    def _seen(self) -> Seen:
        rows = self.duckdb.execute(PATTERNS).fetchnumpy()
        columns = [np.asarray(column) for column in rows.values()]
        return Seen(
            np.column_stack(columns[:-2]).astype(np.int64).reshape(-1, len(NAMES)),
            columns[-2].astype(np.float64),
            columns[-1].astype(np.float64),
        )

    def scored(self, weights: Weights, at_least: float) -> Iterator[Pair]:
        """The pairs from a probability on, each once, the smaller key first, with the evidence.

        The evidence is the weight of each comparison in bits, None where nothing is compared.
        Records that share an address or an account are joined already; two accounts are two people.
        """
        chunks = 1 + self.records // RECORDS_A_CHUNK
        for chunk in range(chunks):
            some = f"mine.profile_key % {chunks} = {chunk}"
            found = CANDIDATES.format(some=some, records="records")
            self.duckdb.execute(f"create or replace table pairs as {found}")
            result = self.duckdb.execute(
                scored(weights) + " where probability >= ? order by a, b", [at_least]
            )
            while rows := result.fetchmany(CHUNK):
                yield from rows


def scored(weights: Weights) -> str:
    """The query of the probability and the evidence of the pairs in the table `pairs`."""
    odds = log2(weights.one_person / (1 - weights.one_person))
    family = log2(weights.relatives / weights.one_person)
    bits, ratios = [], []
    for comparison in COMPARISONS:
        m, u, r = (
            of[comparison.name]
            for of in (weights.of_one_person, weights.of_strangers, weights.of_relatives)
        )
        told = []
        for number, level in enumerate(comparison.levels):
            # An equal value is as rare among strangers as the value itself.
            among = f"frequency_{level.weighed}" if level.weighed else repr(u[number])
            told.append(f"when {number} then log2({m[number]!r} / {among})")
        bits.append(f"case {comparison.name} {' '.join(told)} end")
        relative = " ".join(
            f"when {n} then {log2(r[n] / m[n])!r}" for n in range(len(comparison.levels))
        )
        ratios.append(f"case {comparison.name} {relative} else 0 end")
    listed = f"[{', '.join(bits)}]"
    return f"""
    select a, b, probability, evidence
    from (
        select
            a, b, evidence,
            1 / (1 + pow(2, least(-({odds!r} + list_sum(evidence)), 500))
                + pow(2, least({family!r} + relative, 500))) as probability
        from (
            select a, b, {listed} as evidence, {" + ".join(ratios)} as relative
            from ({compared("pairs", "records", APART)}) as compared
        ) as weighed
    ) as scored
    """  # noqa: S608 - numbers and the names of our own columns


APART = """
    not list_has_any(l.emails, r.emails) and (len(l.accounts) = 0 or len(r.accounts) = 0)
"""

_LETTERS = ", ".join(
    f"array_to_string(list_sort(string_split({column}, '')), '') as {column}_letters"
    for column in LETTERS
)
LOADED = f"select *, {_LETTERS}, {{is_new}} as is_new from chunk"  # noqa: S608 - our own columns

PATTERNS = f"""
    select {", ".join(NAMES)}, count(*) as pairs, count(*) filter (where is_joined) as joined
    from ({compared("pairs", "records")}) as compared
    group by all
    order by all
"""  # noqa: S608 - the names of our own columns

# Each pair that shares a key, and of which one record is new.
CANDIDATES = """
    with mine as (
        select mine.profile_key, unnest(mine.keys) as key from {records} as mine
        where mine.is_new and {some}
    ),

    others as (
        select profile_key, is_new, unnest(keys) as key from {records}
    )

    select distinct
        least(mine.profile_key, others.profile_key) as a,
        greatest(mine.profile_key, others.profile_key) as b
    from mine
    inner join others using (key)
    where
        mine.profile_key < others.profile_key
        or (not others.is_new and mine.profile_key <> others.profile_key)
"""

NUMBERED = """
    create or replace table numbered as
    select profile_key, row_number() over (order by profile_key) - 1 as number from records
"""
EACH_PAIR = """
    select one.profile_key as a, other.profile_key as b
    from numbered as one
    inner join numbered as other on one.number < other.number
"""
RANDOM = """
    with drawn as (
        select
            (hash(n) % {records})::bigint as one,
            (hash(n + 1000000007) % {records})::bigint as other
        from range({pairs}) as numbers (n)
    )

    select distinct
        least(one.profile_key, other.profile_key) as a,
        greatest(one.profile_key, other.profile_key) as b
    from drawn
    inner join numbered as one on drawn.one = one.number
    inner join numbered as other on drawn.other = other.number
    where one.number <> other.number
"""
