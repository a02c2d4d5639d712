"""Blocking keys: two records are compared only if they share one.

Each key is of a kind, such as a birth date or a surname with a postal code. A value that too many
records share finds nobody and is left out: `max_block` bounds the records of a value, `candidates`
the pairs of a kind. What is too common is decided when the weights are estimated.

>>> add(warehouse, EVERYBODY)  # doctest: +SKIP
"""

import logging
from typing import Any

import psycopg

log = logging.getLogger(__name__)

EVERYBODY = "true"
CHANGED_ONLY = "records.profile_key in (select profile_key from match_changed)"

# Parts of a name count in either order. Month and day of a birth date too, because some write the
# day first. A name alone finds candidates only where it is rare.
OFFERED = """
cross join lateral (
    select
        least(given, surname) || ' ' || greatest(given, surname) as names,
        left(birth, 4) as year,
        left(birth, 4) || least(substr(birth, 6, 2), substr(birth, 9, 2))
            || greatest(substr(birth, 6, 2), substr(birth, 9, 2)) as born,
        replace(street, ' ', '') as street
) as made
cross join lateral (
    values
    ('name', made.names),
    ('sound', sound),
    ('name and city', made.names || ' ' || city),
    ('name and company', made.names || ' ' || company),
    ('birth', made.born),
    ('part of name and year', given || ' ' || made.year),
    ('part of name and year', surname || ' ' || made.year),
    ('part of name and postal code', given || ' ' || postal),
    ('part of name and postal code', surname || ' ' || postal),
    ('part of name and city', given || ' ' || city),
    ('part of name and city', surname || ' ' || city),
    ('house', postal || ' ' || house),
    ('house', made.street || ' ' || house),
    ('street', postal || ' ' || made.street),
    ('street', city || ' ' || made.street),
    ('number', number || ' ' || left(surname, 1)),
    ('mail', case when length(mail) > 4 then mail end),
    ('phone', phone)
) as offered (kind, value)
"""
HASH = "hashtextextended(offered.kind || ' ' || offered.value, 0)"


def find_common(warehouse: psycopg.Connection[Any], max_block: int, candidates: int) -> None:
    """Write the keys that too many records share into `identity.match_common_keys`."""
    warehouse.execute("truncate identity.match_common_keys")
    left_out = warehouse.execute(
        COMMON.encode(), {"max_block": max_block, "candidates": candidates}
    ).fetchall()
    for kind, keys, pairs in left_out:
        log.info(
            "identity: candidates by %s: %d pairs; %d values are too common", kind, pairs, keys
        )


def add(warehouse: psycopg.Connection[Any], only: str) -> None:
    """Give records their keys; `only` is the SQL condition of the records."""
    warehouse.execute(KEYS.format(only=only).encode())
    warehouse.execute(ADD.format(only=only).encode())


COMMON = f"""
with blocks as (
    select offered.kind, {HASH} as key, count(distinct records.profile_key) as records
    from identity.match_records as records
    {OFFERED}
    where offered.value is not null
    group by 1, 2
    having count(*) > 1
),

counted as (
    select
        *,
        records * (records - 1) / 2 as pairs,
        sum(records * (records - 1) / 2) over (partition by kind order by records) as pairs_so_far
    from blocks
),

judged as (
    select
        *,
        records > %(max_block)s or pairs_so_far > %(candidates)s * (
            select count(*) from identity.match_records
        ) as is_common
    from counted
),

written as (
    insert into identity.match_common_keys
    select key from judged where is_common
)

select
    kind, count(*) filter (where is_common), coalesce(sum(pairs) filter (where not is_common), 0)
from judged
group by kind
order by kind
"""  # noqa: S608 - our own text

KEYS = f"""
with rare as (
    select records.profile_key, array_agg(distinct {HASH}) as keys
    from identity.match_records as records
    {OFFERED}
    left join identity.match_common_keys as common on common.key = {HASH}
    where offered.value is not null and common.key is null and {{only}}
    group by records.profile_key
)

update identity.match_records as records set keys = rare.keys
from rare
where records.profile_key = rare.profile_key
"""  # noqa: S608 - our own text

ADD = """
insert into identity.match_keys
select unnest(records.keys), records.profile_key
from identity.match_records as records
where {only}
"""
