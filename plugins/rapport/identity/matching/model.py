"""The matching model: estimates and stores its weights, and writes the pairs that it finds.

The weights are estimated in the first run, by expectation maximisation and random sampling (Splink,
after Fellegi and Sunter 1969). They are stored with the frequency of each value. A pair keeps its
probability until the weights are estimated again, so that a run scores only new pairs.

>>> model.score(warehouse, rules.matching, run_id=run_id, as_of=as_of)  # doctest: +SKIP
{'compared': 240, 'linked': 3, 'to_review': 1}
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from rapport.identity.matching import records
from rapport.identity.matching.scorer import CHUNK, COLUMNS, WEIGHED, Scorer, settings
from rapport.identity.rules import Matching
from rapport.paths import var_dir

log = logging.getLogger(__name__)

MIN_RECORDS = 200
"""The fewest records from which weights can be estimated."""
COMMON, RARE = 10, 3
"""A value of more than `COMMON` records is common. All others count as one of `RARE` records."""


class Model(NamedTuple):
    """The weights in Splink's JSON form, and the number of records that they come from."""

    parameters: dict[str, Any]
    records: int


def score(
    warehouse: psycopg.Connection[Any], options: Matching, *, run_id: str, as_of: datetime
) -> dict[str, int]:
    """Update `identity.matches` for the records that `records.refresh` found; returns counts."""
    at = {"run_id": run_id, "as_of": as_of}
    row = warehouse.execute("select count(*) from identity.match_records").fetchone()
    count = int(row[0]) if row else 0
    model = _stored_model(warehouse, options, count)
    if model is None and count < MIN_RECORDS:
        log.warning(
            "identity: matching is skipped: %d records have a name, at least %d are needed",
            count,
            MIN_RECORDS,
        )
        return {"compared": 0}
    compared = 0
    if model is None or _has_changed(warehouse):
        with Scorer(options, var_dir() / "tmp") as scorer:
            if model is None:
                compared = _score_all(warehouse, scorer, options, count, at)
            else:
                compared = _score_new(warehouse, scorer, model)
            _write_pairs(warehouse, scorer, {**at, "link_at": options.link_at})
    # The thresholds may have changed since an earlier run scored the pair.
    warehouse.execute(FORGET_IMPROBABLE, [options.review_at])
    warehouse.execute(LINK, [options.link_at])
    linked = dict(
        warehouse.execute("select is_linked, count(*) from identity.matches group by 1").fetchall()
    )
    return {
        "compared": compared,
        "linked": linked.get(True, 0),
        "to_review": linked.get(False, 0),
    }


def _has_changed(warehouse: psycopg.Connection[Any]) -> bool:
    row = warehouse.execute("select exists (select from match_changed)").fetchone()
    return bool(row and row[0])


def _write_pairs(warehouse: psycopg.Connection[Any], scorer: Scorer, at: dict[str, Any]) -> None:
    warehouse.execute(PAIRS)
    with warehouse.cursor().copy("copy match_pairs from stdin") as copy:
        for pair in scorer.pairs():
            copy.write_row(pair)
    warehouse.execute(ADD_MATCHES, at)


def _score_all(
    warehouse: psycopg.Connection[Any],
    scorer: Scorer,
    options: Matching,
    count: int,
    at: dict[str, Any],
) -> int:
    warehouse.execute(
        "truncate identity.match_frequencies, identity.match_keys, identity.match_model,"
        " identity.matches"
    )
    warehouse.execute(FREQUENCIES, [COMMON])
    warehouse.execute(records.COMMON_KEYS, [options.max_block])
    warehouse.execute("analyze identity.match_frequencies")
    records.add_keys(warehouse, records.EVERYBODY)
    compared = scorer.load("everybody", _rows(warehouse, EVERYBODY))
    parameters = scorer.fit("everybody")
    warehouse.execute(
        SAVE,
        {**at, "definition": _definition(options), "records": count}
        | {"parameters": Jsonb(parameters)},
    )
    scorer.within("everybody", parameters)
    return compared


def _score_new(warehouse: psycopg.Connection[Any], scorer: Scorer, model: Model) -> int:
    warehouse.execute(FORGET_CHANGED)
    records.add_keys(warehouse, records.CHANGED_ONLY)
    changed = scorer.load("changed", _rows(warehouse, CHANGED))
    if not changed:
        return 0
    others = scorer.load("others", _rows(warehouse, OTHERS))
    scorer.within("changed", model.parameters)
    if others:
        scorer.between("others", "changed", model.parameters)
    return changed + others


def _stored_model(
    warehouse: psycopg.Connection[Any], options: Matching, count: int
) -> Model | None:
    row = warehouse.execute(
        "select parameters, records from identity.match_model where definition = %s",
        [_definition(options)],
    ).fetchone()
    if row is None or count > row[1] * options.refit_growth:
        return None
    return Model(*row)


def _definition(options: Matching) -> str:
    """A hash of the comparison settings. If it changes, the weights are estimated again."""
    text = json.dumps(settings().create_settings_dict("duckdb"), sort_keys=True, default=str)
    return hashlib.sha256(f"{text} {records.KEYS} {options.max_block}".encode()).hexdigest()


def _rows(warehouse: psycopg.Connection[Any], query: str) -> Iterator[list[tuple[Any, ...]]]:
    with warehouse.cursor("match_rows") as rows:
        rows.execute(query.encode())
        while chunk := rows.fetchmany(CHUNK):
            yield chunk


# Only common values are stored. A value of a few records could identify a person who has been
# erased since. All other values count as equally rare.
RECORDS = f"""
select
    {", ".join(name for name in COLUMNS if not name.startswith("frequency_"))},
    {", ".join(f"coalesce({field}s.frequency, {RARE}.0 / model.records)" for field in WEIGHED)}
from identity.match_records as records
{
    " ".join(
        f"left join identity.match_frequencies as {field}s"
        f" on {field}s.field = '{field}' and {field}s.value = records.{field}"
        for field in WEIGHED
    )
}
cross join (
    select coalesce(
        (select records from identity.match_model),
        (select count(*) from identity.match_records)
    ) as records
) as model
where cardinality(records.keys) > 0 and {{only}}
order by profile_key
"""  # noqa: S608 - the names of our own columns

EVERYBODY = RECORDS.format(only="true")
CHANGED = RECORDS.format(only="records.profile_key in (select profile_key from match_changed)")
OTHERS = RECORDS.format(
    only="""records.profile_key in (
    select others.profile_key
    from match_changed
    inner join identity.match_records as mine using (profile_key)
    cross join lateral unnest(mine.keys) as shared (key)
    inner join identity.match_keys as others using (key)
    except
    select profile_key from match_changed
)"""
)

FREQUENCIES = """
insert into identity.match_frequencies
select field, value, times / total
from (
    select
        offered.field,
        offered.value,
        count(*)::double precision as times,
        sum(count(*)) over (partition by offered.field) as total
    from identity.match_records as records
    cross join lateral (
        values
        ('given', records.given),
        ('surname', records.surname),
        ('number', records.number),
        ('phone', records.phone)
    ) as offered (field, value)
    where offered.value is not null
    group by offered.field, offered.value
) as counted
where times > %s
"""

SAVE = """
insert into identity.match_model (definition, parameters, records, run_id, as_of)
values (%(definition)s, %(parameters)s, %(records)s, %(run_id)s, %(as_of)s)
"""

FORGET_CHANGED = """
delete from identity.matches
using match_changed
inner join identity.profiles using (profile_key)
where profiles.profile_id in (matches.profile_a, matches.profile_b)
"""

FORGET_IMPROBABLE = "delete from identity.matches where probability < %s"

LINK = """
update identity.matches set is_linked = judged.is_linked
from (
    select profile_a, profile_b, probability >= %s as is_linked from identity.matches
) as judged
where
    (matches.profile_a, matches.profile_b) = (judged.profile_a, judged.profile_b)
    and matches.is_linked <> judged.is_linked
"""

PAIRS = """
create temporary table match_pairs (
    key_a bigint, key_b bigint, probability double precision
) on commit drop
"""

# A cannot-link cuts less probable matches first. The weight of a match is below that of a device.
ADD_MATCHES = """
insert into identity.matches
(profile_a, profile_b, probability, weight, is_linked, run_id, as_of)
select
    least(a.profile_id, b.profile_id),
    greatest(a.profile_id, b.profile_id),
    pairs.probability,
    least(9, 1 + floor(-log(1 - pairs.probability::numeric + 1e-9)))::integer,
    pairs.probability >= %(link_at)s,
    %(run_id)s,
    %(as_of)s
from match_pairs as pairs
inner join identity.profiles as a on a.profile_key = pairs.key_a
inner join identity.profiles as b on b.profile_key = pairs.key_b
"""
