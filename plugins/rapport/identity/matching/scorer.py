"""Runs Splink on a DuckDB in memory: loads records, estimates weights and scores pairs.

DuckDB has a memory limit and spills to a temporary folder. No data is logged.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.splink_dataframe import SplinkDataFrame

from rapport.identity.rules import Matching

WEIGHED = ("given", "surname", "number", "phone")
"""The fields in which an equal rare value counts more than an equal common one."""

COLUMNS = {
    "profile_key": pa.int64(),
    "given": pa.string(),
    "surname": pa.string(),
    "number": pa.string(),
    "phone": pa.string(),
    "country": pa.string(),
    "city": pa.string(),
    "company": pa.string(),
    "emails": pa.list_(pa.int64()),
    "accounts": pa.list_(pa.int64()),
    "keys": pa.list_(pa.int64()),
    **{f"frequency_{field}": pa.float64() for field in WEIGHED},
}
"""The columns of a loaded record: fields, identifiers, blocking keys and value frequencies."""

SEED = 7
U_PAIRS = 1_000_000
EM_PAIRS = 1_000_000
RECORDS_A_CHUNK = 200_000
CHUNK = 50_000


def settings(prior: float = 1e-4) -> SettingsCreator:
    """The comparison settings. Two records are compared only if they share a blocking key.

    `prior` is the probability that two random records are the same person.
    """
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="profile_key",
        probability_two_random_records_match=prior,
        blocking_rules_to_generate_predictions=[block_on("keys", arrays_to_explode=["keys"])],
        comparisons=[
            _name("given"),
            _name("surname"),
            comparisons.ExactMatch("number").configure(term_frequency_adjustments=True),
            comparisons.ExactMatch("phone").configure(term_frequency_adjustments=True),
            comparisons.ExactMatch("country"),
            comparisons.ExactMatch("city"),
            comparisons.ExactMatch("company"),
        ],
        retain_matching_columns=False,
    )


def _name(column: str) -> comparisons.CustomComparison:
    return comparisons.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            levels.NullLevel(column),
            levels.ExactMatchLevel(column, term_frequency_adjustments=True),
            levels.JaroWinklerLevel(column, 0.92),
            levels.JaroWinklerLevel(column, 0.84),
            levels.ElseLevel(),
        ],
    )


class Scorer:
    """A DuckDB with the records and scores of one run.

    >>> with Scorer(options) as scorer:  # doctest: +SKIP
    ...     scorer.load("everybody", rows)
    ...     scorer.within("everybody", scorer.fit("everybody"))
    """

    def __init__(self, options: Matching, folder: Path) -> None:
        logging.getLogger("splink").setLevel(logging.ERROR)
        self.options = options
        folder.mkdir(parents=True, exist_ok=True)
        self._spill = tempfile.TemporaryDirectory(dir=folder, prefix="matching-")
        self.duckdb = duckdb.connect(
            config={
                "memory_limit": f"{options.memory_mb}MB",
                "temp_directory": self._spill.name,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self.api = DuckDBAPI(self.duckdb)
        self.counts: dict[str, int] = {}
        self._uses = count(1)
        self.duckdb.execute(SCORED)

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

    def load(self, table: str, chunks: Iterable[Sequence[Sequence[Any]]]) -> int:
        """Load rows with the columns `COLUMNS` into a new table; returns how many."""
        schema = pa.schema(list(COLUMNS.items()))
        empty = schema.empty_table()
        self.duckdb.register("chunk", empty)
        self.duckdb.execute(CREATE.format(table=table))
        loaded = 0
        for rows in chunks:
            columns = [list(column) for column in zip(*rows, strict=True)]
            arrays = [pa.array(c, kind) for c, kind in zip(columns, COLUMNS.values(), strict=True)]
            self.duckdb.register("chunk", pa.table(arrays, schema=schema))
            self.duckdb.execute(APPEND.format(table=table))
            loaded += len(rows)
        self.duckdb.unregister("chunk")
        self.counts[table] = loaded
        return loaded

    def fit(self, table: str) -> dict[str, Any]:
        """Estimate the weights from the records of a table; returns them in Splink's JSON form."""
        linker = self._linker(table, settings(self._prior(table)))
        training = linker.training
        training.estimate_u_using_random_sampling(max_pairs=U_PAIRS, seed=SEED)
        for rule in (block_on("given", "surname"), block_on("number", "country")):
            training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=EM_PAIRS)
        model: dict[str, Any] = linker.misc.save_model_to_json()
        return model

    def _prior(self, table: str) -> float:
        """The share of pairs that are the same person, as they share an address or an account."""
        [[one]] = self.duckdb.execute(ONE_PERSON.format(table=table)).fetchall()
        records = self.counts[table]
        return float(max(one, 1) / max(records * (records - 1) / 2, 1))

    def within(self, table: str, model: dict[str, Any]) -> None:
        """Score the pairs among the records of a table."""
        chunks = 1 + self.counts[table] // RECORDS_A_CHUNK
        linker = self._linker(table, model)
        scored = linker.inference.predict(
            threshold_match_probability=self.options.review_at,
            num_chunks_left=chunks,
            warning_mode="never",
        )
        self._keep(scored.physical_name)

    def between(self, left: str, right: str, model: dict[str, Any]) -> None:
        """Score the pairs that have one record in each of the two tables."""
        linker = self._linker(right, model)
        scored = linker.inference.predict_between(
            self._known(left),
            self._known(right),
            threshold_match_probability=self.options.review_at,
            warning_mode="never",
        )
        self._keep(scored.physical_name)

    def pairs(self) -> Iterator[tuple[int, int, float]]:
        """The pairs from `review_at` as (key, key, probability), each once, smaller key first."""
        result = self.duckdb.execute("select * from scored order by 1, 2")
        while rows := result.fetchmany(CHUNK):
            yield from rows

    def _linker(self, table: str, model: SettingsCreator | dict[str, Any]) -> Linker:
        linker = Linker(self._known(table), model, log_level=logging.ERROR)
        everybody = " union all ".join(map(EVERYTHING.format, self.counts))
        for field in WEIGHED:
            self.duckdb.execute(FREQUENCIES.format(field=field, records=everybody))
            frequencies = self._known(f"frequencies_{field}")
            linker.table_management.register_term_frequency_lookup(frequencies, field)
        return linker

    def _known(self, table: str) -> SplinkDataFrame:
        """Register a table for Splink, which needs a new name for each use."""
        return self.api.register(table, table_name=f"use_{next(self._uses)}")

    def _keep(self, predictions: str) -> None:
        everybody = " union all ".join(map(EVERYBODY.format, self.counts))
        self.duckdb.execute(KEEP.format(records=everybody, predictions=predictions))


CREATE = "create table {table} as select * from chunk"
APPEND = "insert into {table} select * from chunk"
SCORED = "create table scored (a bigint, b bigint, probability double)"
EVERYBODY = "select profile_key, emails, accounts from {}"
EVERYTHING = "select * from {}"

FREQUENCIES = """
create or replace table frequencies_{field} as
select {field}, max(frequency_{field}) as tf_{field}
from ({records}) as records
where {field} is not null
group by {field}
"""

ONE_PERSON = """
with shared as (
    select profile_key, unnest(list_concat(emails, accounts)) as identifier from {table}
),

pairs as (
    select distinct l.profile_key, r.profile_key
    from shared as l
    inner join shared as r using (identifier)
    where l.profile_key < r.profile_key
)

select count(*) from pairs
"""

# Records that share an address or an account are joined already. Two accounts are two people.
KEEP = """
insert into scored
with records as ({records})

select
    least(l.profile_key, r.profile_key),
    greatest(l.profile_key, r.profile_key),
    max(pairs.match_probability)
from {predictions} as pairs
inner join records as l on l.profile_key = pairs.profile_key_l
inner join records as r on r.profile_key = pairs.profile_key_r
where
    not list_has_any(l.emails, r.emails)
    and (len(l.accounts) = 0 or len(r.accounts) = 0)
group by 1, 2
"""
