"""The review of probable matches: undecided pairs are exported as CSV, answers go to the seeds.

>>> export(connection, options, Path("review.csv"))  # doctest: +SKIP
112
>>> decide(connection, Path("review.csv"), seeds_dir())  # doctest: +SKIP
{'must_link': 40, 'cannot_link': 31, 'undecided': 41, 'known': 0}
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from rapport.errors import ConfigError
from rapport.identity.evaluate import Pair, read_pairs
from rapport.identity.rules import Matching
from rapport.paths import draft_of, project_root, var_dir
from rapport.safe_csv import escaped, unescaped, writer

Warehouse = psycopg.Connection[Any]

SHOWN = ("full_name", "email", "phone", "country", "city", "company_name")
SIDES = tuple(f"{field}_{side}" for field in SHOWN for side in ("a", "b"))
HEADER = ("record_a", "record_b", "same", "probability", "why", *SIDES)


def review_path() -> Path:
    """The file to which a run exports the pairs for review."""
    return var_dir() / "identity" / "review.csv"


def seeds_dir() -> Path:
    """The folder of the reviewed overrides."""
    return project_root() / "dbt_project" / "seeds"


def export(warehouse: Warehouse, options: Matching, path: Path) -> int:
    """Write the undecided pairs, the most probable first; returns how many.

    The file holds personal data, so only its owner can read it.
    """
    rows = warehouse.execute(UNDECIDED, [options.review_rows]).fetchall()
    with (
        draft_of(path, mode=0o600) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = writer(file)
        lines.writerow(HEADER)
        for a, b, probability, why, *values in rows:
            row = (a, b, "", f"{probability:.4f}", why, *values)
            lines.writerow([escaped(value) for value in row])
    return len(rows)


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


def _refuse_unknown(warehouse: Warehouse, pairs: list[Pair], path: Path) -> None:
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


UNKNOWN = """
select name from unnest(%s::text[]) as names (name)
where not exists (select from identity.profiles where profiles.profile_id = names.name)
limit 1
"""

# A pair that is probable enough but was left out by the guards also needs a decision.
UNDECIDED = """
with pairs as (
    select
        matches.profile_a,
        matches.profile_b,
        matches.probability,
        case when matches.is_linked then 'ambiguous' else 'below link_at' end as why
    from identity.matches
    inner join identity.profiles as a on a.profile_id = matches.profile_a
    inner join identity.profiles as b on b.profile_id = matches.profile_b
    inner join identity.members as mine on mine.profile_key = a.profile_key
    inner join identity.members as theirs on theirs.profile_key = b.profile_key
    left join identity.overrides
        on
            overrides.profile_a = matches.profile_a
            and overrides.profile_b = matches.profile_b
            and overrides.kind <> 'match'
    where mine.customer_id <> theirs.customer_id and overrides.kind is null
    order by matches.probability desc, matches.profile_a, matches.profile_b
    limit %s
)

select
    pairs.profile_a, pairs.profile_b, pairs.probability, pairs.why,
    a.full_name, b.full_name, a.email, b.email, a.phone, b.phone, a.country, b.country,
    a.city, b.city, a.company_name, b.company_name
from pairs
left join intermediate.int_contacts_unioned as a on a.profile_id = pairs.profile_a
left join intermediate.int_contacts_unioned as b on b.profile_id = pairs.profile_b
order by pairs.probability desc, pairs.profile_a, pairs.profile_b
"""
