"""The precision and recall of identity resolution, measured on labelled pairs of records.

The CSV file has the columns record_a, record_b and same (1 or 0, yes or no, true or false).

>>> evaluate(connection, Path("pairs.csv"))["precision"]  # doctest: +SKIP
0.9994
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from rapport.errors import ConfigError

Warehouse = psycopg.Connection[Any]
COLUMNS = ("record_a", "record_b", "same")
ANSWERS = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


class Pair(NamedTuple):
    """Two profile ids and whether they are the same person; None if the pair has no answer."""

    a: str
    b: str
    same: bool | None


def read_pairs(path: Path, blank: bool = False) -> Iterator[Pair]:
    """Read the labelled pairs of a CSV file. With `blank`, pairs without an answer are allowed.

    Raises `ConfigError` with the file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ConfigError(
                    f"{path}: the column {', '.join(missing)} is missing. The first line must be "
                    f"{','.join(COLUMNS)}."
                )
            for row in rows:
                text = (row["same"] or "").strip().lower()
                answer = ANSWERS.get(text)
                if answer is None and not (blank and not text):
                    raise ConfigError(
                        f"{path}:{rows.line_num}: same is {row['same']!r}. Write 1 or 0."
                    )
                yield Pair((row["record_a"] or "").strip(), (row["record_b"] or "").strip(), answer)
    except OSError as error:
        raise ConfigError(f"{path}: the file cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the file is not UTF-8. Save it as CSV UTF-8.") from None


def evaluate(warehouse: Warehouse, pairs: Path | Iterable[Pair], worst: int = 10) -> dict[str, Any]:
    """Pairwise precision and recall, and the errors that affect the most profiles.

    A pair with an unknown record counts as `unknown` and enters no ratio. A ratio without a
    denominator is None.
    """
    with warehouse.transaction():
        warehouse.execute(
            "create temporary table labelled (a text, b text, same boolean) on commit drop"
        )
        with warehouse.cursor().copy("copy labelled from stdin") as copy:
            for pair in read_pairs(pairs) if isinstance(pairs, Path) else pairs:
                copy.write_row(pair)
        warehouse.execute("analyze labelled")
        warehouse.execute(JUDGED)
        counts = dict(
            warehouse.execute("select verdict, count(*) from judged group by 1").fetchall()
        )
        errors = warehouse.execute(WORST, [worst]).fetchall()
    right, wrong, missed = (counts.get(key, 0) for key in ("right", "wrongly_one", "missed"))
    return {
        "pairs": sum(counts.values()),
        "unknown": counts.get("unknown", 0),
        "precision": right / (right + wrong) if right + wrong else None,
        "recall": right / (right + missed) if right + missed else None,
        "wrongly_one": wrong,
        "missed": missed,
        "worst": [
            {"error": error, "record_a": a, "record_b": b, "profiles": profiles}
            for error, a, b, profiles in errors
        ],
    }


JUDGED = """
create temporary table judged on commit drop as
select
    labelled.a,
    labelled.b,
    mine.customer_id as customer_a,
    theirs.customer_id as customer_b,
    case
        when mine.customer_id is null or theirs.customer_id is null then 'unknown'
        when labelled.same and mine.customer_id = theirs.customer_id then 'right'
        when labelled.same then 'missed'
        when mine.customer_id = theirs.customer_id then 'wrongly_one'
        else 'rightly_two'
    end as verdict
from labelled
left join identity.profiles as a on a.profile_id = labelled.a
left join identity.profiles as b on b.profile_id = labelled.b
left join identity.members as mine on mine.profile_key = a.profile_key
left join identity.members as theirs on theirs.profile_key = b.profile_key
"""

WORST = """
with errors as (
    select verdict, a, b, customer_a, customer_b from judged
    where verdict in ('wrongly_one', 'missed')
),

sizes as (
    select customer_id, count(*) as profiles from identity.members
    where customer_id in (select customer_a from errors union select customer_b from errors)
    group by 1
)

select
    errors.verdict, errors.a, errors.b,
    mine.profiles + case when errors.customer_a = errors.customer_b then 0 else theirs.profiles end
from errors
inner join sizes as mine on mine.customer_id = errors.customer_a
inner join sizes as theirs on theirs.customer_id = errors.customer_b
order by errors.verdict desc, 4 desc, 2, 3
limit %s
"""
