"""The matching model: estimates and stores its weights, and writes the pairs that it finds.

The weights are estimated in the first run and stored with the frequency of each common value. A
pair keeps its probability until the weights are estimated again, so that a run scores only new
pairs.

>>> model.score(warehouse, rules.matching, run_id=run_id, as_of=as_of)  # doctest: +SKIP
{'compared': 240, 'linked': 3, 'to_review': 1}
"""

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from rapport.identity.matching import keys
from rapport.identity.matching.comparisons import COMPARISONS, TEXTS, WEIGHED
from rapport.identity.matching.records import CHUNK
from rapport.identity.matching.scorer import Scorer
from rapport.identity.matching.weights import Weights, estimate
from rapport.identity.rules import Matching
from rapport.paths import var_dir

log = logging.getLogger(__name__)

FEWEST_RECORDS = 200
"""The fewest records of which matching takes itself to be safe, unless it is enabled expressly."""
COMMON, RARE = 10, 3
"""A value of more than `COMMON` records is common. All others count as one of `RARE` records."""
SUREST, LEAST_SURE = 0.99, 0.97
"""Where the expected precision puts the threshold: never above the one nor below the other."""


class Model(NamedTuple):
    """The weights, the number of records that they come from, and the threshold of a link."""

    weights: Weights
    records: int
    link_at: float


def score(
    warehouse: psycopg.Connection[Any], options: Matching, *, run_id: str, as_of: datetime
) -> dict[str, int]:
    """Update `identity.matches` for the records that `records.refresh` found; returns counts."""
    at = {"run_id": run_id, "as_of": as_of}
    row = warehouse.execute("select count(*) from identity.match_records").fetchone()
    count = int(row[0]) if row else 0
    model = _stored_model(warehouse, options, count)
    if model is None and (count < 2 or (options.enabled == "auto" and count < FEWEST_RECORDS)):
        if count:
            log.warning(
                "identity: matching waits: %d records have a name or a birth date, %d are needed. "
                "`identity: {matching: {enabled: true}}` in rapport.yml starts it now.",
                count,
                FEWEST_RECORDS,
            )
        return {"compared": 0}
    compared = 0
    if model is None or _has_changed(warehouse):
        with Scorer(options.memory_mb, var_dir() / "tmp") as scorer:
            is_first = model is None
            if model is None:
                model = _fit(warehouse, scorer, options, count, at)
            else:
                _load_new(warehouse, scorer)
            compared = scorer.records
            _write_pairs(warehouse, scorer, model, options, at)
        if is_first:
            model = _with_threshold(warehouse, model, options)
    link_at = options.link_at or model.link_at
    # The thresholds may have changed since an earlier run scored the pair.
    warehouse.execute(FORGET_IMPROBABLE, [options.review_at])
    warehouse.execute(LINK, [link_at])
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


def _write_pairs(
    warehouse: psycopg.Connection[Any],
    scorer: Scorer,
    model: Model,
    options: Matching,
    at: dict[str, Any],
) -> None:
    warehouse.execute(PAIRS)
    with warehouse.cursor().copy("copy match_pairs from stdin") as copy:
        for pair in scorer.scored(model.weights, options.review_at):
            copy.write_row(pair)
    warehouse.execute(ADD_MATCHES, {**at, "link_at": model.link_at})


def _fit(
    warehouse: psycopg.Connection[Any],
    scorer: Scorer,
    options: Matching,
    count: int,
    at: dict[str, Any],
) -> Model:
    """Estimate the weights from all records, and store them."""
    warehouse.execute(
        "truncate identity.match_frequencies, identity.match_keys, identity.match_model,"
        " identity.matches"
    )
    warehouse.execute(FREQUENCIES.encode(), [COMMON])
    warehouse.execute("analyze identity.match_frequencies")
    keys.find_common(warehouse, options.max_block, options.candidates)
    keys.add(warehouse, keys.EVERYBODY)
    scorer.load(_rows(warehouse, EVERYBODY), is_new=True)
    candidates, trained = scorer.candidates()
    weights = estimate(candidates, scorer.strangers(), trained)
    without = [c.name for c in COMPARISONS if c.name not in weights.estimated]
    log.info(
        "identity: the weights of matching come from %d records; nothing to compare in: %s",
        trained,
        ", ".join(without) or "no field",
    )
    warehouse.execute(
        SAVE,
        {**at, "definition": _definition(options), "records": count, "link_at": SUREST}
        | {"parameters": Jsonb(weights.stored())},
    )
    return Model(weights, count, SUREST)


def _with_threshold(warehouse: psycopg.Connection[Any], model: Model, options: Matching) -> Model:
    """Store the least probability at which the links are expected to be as precise as is wanted."""
    row = warehouse.execute(
        THRESHOLD, {"wanted": options.expected_precision, "least": LEAST_SURE, "surest": SUREST}
    ).fetchone()
    link_at = float(row[0]) if row and row[0] is not None else SUREST
    warehouse.execute("update identity.match_model set link_at = %s", [link_at])
    return model._replace(link_at=link_at)


def _load_new(warehouse: psycopg.Connection[Any], scorer: Scorer) -> None:
    warehouse.execute(FORGET_CHANGED)
    keys.add(warehouse, keys.CHANGED_ONLY)
    if scorer.load(_rows(warehouse, CHANGED), is_new=True):
        scorer.load(_rows(warehouse, OTHERS), is_new=False)


def _stored_model(
    warehouse: psycopg.Connection[Any], options: Matching, count: int
) -> Model | None:
    row = warehouse.execute(
        "select parameters, records, link_at from identity.match_model where definition = %s",
        [_definition(options)],
    ).fetchone()
    if row is None or count > row[1] * options.refit_growth:
        return None
    return Model(Weights.of(row[0]), row[1], row[2])


def _definition(options: Matching) -> str:
    """A hash of what the weights depend on. If it changes, they are estimated again."""
    text = f"{COMPARISONS} {keys.KEYS} {options.max_block} {options.candidates}"
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(warehouse: psycopg.Connection[Any], query: str) -> Iterator[list[tuple[Any, ...]]]:
    with warehouse.cursor("match_rows") as rows:
        rows.execute(query.encode())
        while chunk := rows.fetchmany(CHUNK):
            yield chunk


# Only common values are stored. A value of a few records could identify a person who has been
# erased since. All other values count as equally rare.
RECORDS = f"""
select
    profile_key,
    {", ".join(TEXTS)},
    emails,
    accounts,
    keys,
    {", ".join(f"coalesce(of_{name}.frequency, {RARE}.0 / model.records)" for name in WEIGHED)}
from identity.match_records as records
{
    " ".join(
        f"left join identity.match_frequencies as of_{name}"
        f" on of_{name}.field = '{name}' and of_{name}.value = records.{name}"
        for name in WEIGHED
    )
}
cross join (
    select greatest(coalesce(
        (select records from identity.match_model),
        (select count(*) from identity.match_records)
    ), {2 * RARE}) as records
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

FREQUENCIES = f"""
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
        values {", ".join(f"('{name}', records.{name})" for name in WEIGHED)}
    ) as offered (field, value)
    where offered.value is not null
    group by offered.field, offered.value
) as counted
where times > %s
"""  # noqa: S608 - the names of our own columns

SAVE = """
insert into identity.match_model (definition, parameters, records, link_at, run_id, as_of)
values (%(definition)s, %(parameters)s, %(records)s, %(link_at)s, %(run_id)s, %(as_of)s)
"""

# The mean probability of the pairs from a threshold on is the precision that is expected of them.
THRESHOLD = """
select min(probability)
from (
    select
        probability,
        avg(probability) over (order by probability desc) as expected
    from identity.matches
    where probability >= %(least)s
) as ranked
where expected >= %(wanted)s or probability >= %(surest)s
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
    key_a bigint, key_b bigint, probability double precision, evidence real[]
) on commit drop
"""

# A cannot-link cuts less probable matches first. The weight of a match is below that of a device.
ADD_MATCHES = """
insert into identity.matches
(profile_a, profile_b, probability, weight, is_linked, evidence, run_id, as_of)
select
    least(a.profile_id, b.profile_id),
    greatest(a.profile_id, b.profile_id),
    pairs.probability,
    least(9, 1 + floor(-log(1 - pairs.probability::numeric + 1e-9)))::integer,
    pairs.probability >= %(link_at)s,
    pairs.evidence,
    %(run_id)s,
    %(as_of)s
from match_pairs as pairs
inner join identity.profiles as a on a.profile_key = pairs.key_a
inner join identity.profiles as b on b.profile_key = pairs.key_b
"""
