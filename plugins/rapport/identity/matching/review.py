"""The review of probable matches: which pairs wait, and a CSV whose answers go to the seeds.

>>> export(connection, options, Path("review.csv"))  # doctest: +SKIP
112
>>> decide(connection, Path("review.csv"), seeds_dir())  # doctest: +SKIP
{'must_link': 40, 'cannot_link': 31, 'undecided': 41, 'known': 0}
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from rapport.errors import ConfigError
from rapport.identity.evaluate import Pair as Answer
from rapport.identity.evaluate import read_pairs
from rapport.identity.matching.comparisons import NAMES
from rapport.identity.rules import Matching
from rapport.paths import draft_of, project_root, var_dir
from rapport.safe_csv import escaped, unescaped, writer

Warehouse = psycopg.Connection[Any]

SHOWN = (
    "full_name", "email", "phone", "birth_date", "street", "postal_code", "city", "region",
    "country", "company_name",
)  # fmt: skip
SIDES = tuple(f"{field}_{side}" for field in SHOWN for side in ("a", "b"))
HEADER = ("record_a", "record_b", "same", "probability", "why", "evidence", *SIDES)
NAMES_IN_WORDS = {
    "given": "first name", "surname": "last name", "birth": "birth date", "email": "e-mail",
    "postal": "postal code",
}  # fmt: skip


class Pair(NamedTuple):
    """Two records of different customers who may be one person, and what speaks for it.

    `evidence` is in bits, in the order of `comparisons.NAMES`; `reviewed_by` postponed the pair.
    """

    profile_a: str
    profile_b: str
    probability: float
    why: str
    evidence: list[float | None] | None
    run_id: str
    customer_a: str
    customer_b: str
    reviewed_by: str | None
    reviewed_at: datetime | None


class Undecided(NamedTuple):
    """A pair with the values of both records, in the order of `SHOWN`.

    `total` is how many pairs wait.
    """

    pair: Pair
    total: int
    values_a: list[str | None]
    values_b: list[str | None]


def review_path() -> Path:
    """The file to which a run exports the pairs for review."""
    return var_dir() / "identity" / "review.csv"


def seeds_dir() -> Path:
    """The folder of the reviewed overrides."""
    return project_root() / "dbt_project" / "seeds"


def export(warehouse: Warehouse, options: Matching, path: Path) -> int:
    """Write the undecided pairs, the most probable first, postponed ones last; returns how many.

    The file holds personal data, so only its owner can read it.
    """
    rows = undecided(warehouse, options.review_rows)
    with (
        draft_of(path, mode=0o600) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = writer(file)
        lines.writerow(HEADER)
        for found in rows:
            one = found.pair
            values = chain.from_iterable(zip(found.values_a, found.values_b, strict=True))
            row = (one.profile_a, one.profile_b, "", f"{one.probability:.4f}", one.why,
                   in_words(one.evidence), *values)  # fmt: skip
            lines.writerow([escaped(value) for value in row])
    return len(rows)


def undecided(
    warehouse: Warehouse, most: int, *, offset: int = 0, rows: int | None = None
) -> list[Undecided]:
    """The pairs that wait, the most probable first, postponed ones last: at most `most` in all.

    `offset` and `rows` choose a part of them.
    """
    found = warehouse.execute(UNDECIDED, {"most": most, "offset": offset, "rows": rows}).fetchall()
    return [Undecided(Pair(*row[:-3]), *row[-3:]) for row in found]


def waiting(warehouse: Warehouse, a: str, b: str) -> Pair | None:
    """The pair of these profiles if it waits for an answer; `a` is the smaller id."""
    row = warehouse.execute(ONE, {"a": a, "b": b}).fetchone()
    return Pair(*row) if row else None


def in_words(evidence: list[float | None] | None) -> str:
    """What each field speaks for a pair, in bits.

    >>> in_words([7.31, None, -2.0])
    'first name +7.3, birth date -2.0'
    """
    return ", ".join(
        f"{NAMES_IN_WORDS.get(name, name)} {bits:+.1f}"
        for name, bits in zip(NAMES, evidence or [], strict=False)
        if bits is not None
    )


def decide(warehouse: Warehouse, path: Path, seeds: Path) -> dict[str, int]:
    """Append the answers of a reviewed file to the seeds. Pairs without an answer stay undecided.

    Returns the counts. Raises `ConfigError`, and writes nothing, for an unknown record and for an
    answer that contradicts a seed.
    """
    row = warehouse.execute("select resolved_as_of from identity.state").fetchone()
    reason = f"reviewed after the run of {row[0]:%Y-%m-%d}" if row and row[0] else "reviewed"
    pairs = [
        pair._replace(a=unescaped(pair.a), b=unescaped(pair.b))
        for pair in read_pairs(path, blank=True)
    ]
    answered = [pair for pair in pairs if pair.same is not None]
    _refuse_unknown(warehouse, answered, path)
    known = {kind: set(_seed(seeds, kind)) for kind in ("must_link", "cannot_link")}
    added: dict[str, dict[tuple[str, str], str]] = {"must_link": {}, "cannot_link": {}}
    for pair in answered:
        a, b = sorted((pair.a, pair.b))
        kind, other = ("must_link", "cannot_link") if pair.same else ("cannot_link", "must_link")
        if (a, b) in known[other] or (a, b) in added[other]:
            raise ConfigError(
                f"{path}: the answer for {a} and {b} is {'1' if pair.same else '0'}, but "
                f"identity_{other}.csv or another line says the opposite. Remove one of them."
            )
        if (a, b) not in known[kind]:
            added[kind][a, b] = reason
    for kind, lines in added.items():
        _append(seeds / f"identity_{kind}.csv", lines)
    counts = {kind: len(lines) for kind, lines in added.items()}
    return {
        **counts,
        "undecided": len(pairs) - len(answered),
        "known": len(answered) - sum(counts.values()),
    }


def _refuse_unknown(warehouse: Warehouse, pairs: list[Answer], path: Path) -> None:
    names = sorted({name for pair in pairs for name in (pair.a, pair.b)})
    row = warehouse.execute(UNKNOWN, [names]).fetchone()
    if row:
        raise ConfigError(f"{path}: there is no record {row[0]!r}. Remove its line.")


def _seed(folder: Path, kind: str) -> Iterator[tuple[str, str]]:
    with (folder / f"identity_{kind}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            a, b = sorted((row["profile_a"].strip(), row["profile_b"].strip()))
            yield a, b


def _append(path: Path, lines: dict[tuple[str, str], str]) -> None:
    if not lines:
        return
    text = path.read_text("utf-8")
    with path.open("a", encoding="utf-8", newline="") as file:
        if text and not text.endswith("\n"):
            file.write("\n")
        seed = csv.writer(file, lineterminator="\n")
        seed.writerows((a, b, reason) for (a, b), reason in sorted(lines.items()))


def name_of(table: str) -> str:
    """The SQL expression of the name of a contact."""
    parts = f"nullif(concat_ws(' ', {table}.first_name, {table}.last_name), '')"
    return f"coalesce({table}.full_name, {parts})"


def _shown(side: str) -> str:
    """The values of a record as a list of texts."""
    values = [name_of(side), *(f"{side}.{field}::text" for field in SHOWN[1:])]
    return f"array[{', '.join(values)}] as values_{side}"


UNKNOWN = """
select name from unnest(%s::text[]) as names (name)
where not exists (select from identity.profiles where profiles.profile_id = names.name)
limit 1
"""

# A pair that is probable enough but was left out by the guards also needs a decision.
_WAITING = """
select
    matches.profile_a,
    matches.profile_b,
    matches.probability,
    case when matches.is_linked then 'ambiguous' else 'below link_at' end as why,
    matches.evidence,
    matches.run_id,
    mine.customer_id as customer_a,
    theirs.customer_id as customer_b,
    reviewed.reviewed_by,
    reviewed.reviewed_at
from identity.matches
inner join identity.profiles as a on a.profile_id = matches.profile_a
inner join identity.profiles as b on b.profile_id = matches.profile_b
inner join identity.members as mine on mine.profile_key = a.profile_key
inner join identity.members as theirs on theirs.profile_key = b.profile_key
left join identity.reviewed_pairs as reviewed
    on reviewed.profile_a = matches.profile_a and reviewed.profile_b = matches.profile_b
where
    mine.customer_id <> theirs.customer_id
    and coalesce(reviewed.answer, 'later') = 'later'
    and not exists (
        select from identity.overrides
        where
            overrides.profile_a = matches.profile_a
            and overrides.profile_b = matches.profile_b
            and overrides.kind in ('must_link', 'cannot_link')
    )
"""

_ORDER = "reviewed_at is not null, probability desc, profile_a, profile_b"

UNDECIDED = f"""
with waiting as ({_WAITING} order by {_ORDER} limit %(most)s),

counted as (select *, count(*) over () as total from waiting),

pairs as (select * from counted order by {_ORDER} offset %(offset)s limit %(rows)s)

select pairs.*, {_shown("a")}, {_shown("b")}
from pairs
left join intermediate.int_contacts_unioned as a on a.profile_id = pairs.profile_a
left join intermediate.int_contacts_unioned as b on b.profile_id = pairs.profile_b
order by {_ORDER}
"""  # noqa: S608 - the names of our own columns

ONE = f"""
{_WAITING} and (matches.profile_a, matches.profile_b) = (%(a)s, %(b)s)
"""
