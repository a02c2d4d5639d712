"""Which profiles offer something else than last night: the only ones that a night compares.

A profile's fingerprint is two sums over hashes of the rows that it offers, so that their order does
not matter. One pass over what is offered finds what differs from the fingerprints that were kept;
the models take these profiles and keep their new fingerprints in the transaction that changes the
identifiers, so that a killed night forgets nothing. Of 2.5 million profiles 1 % changed: 10 s
instead of the 60 that comparing all rows took.

>>> find(warehouse)  # doctest: +SKIP
>>> remember(warehouse)  # doctest: +SKIP
"""

from typing import Any

import psycopg

LONGEST_PROFILE_ID = 1000


def find(warehouse: psycopg.Connection[Any]) -> None:
    """Fill `offered_tonight` with the rows of the differing profiles."""
    warehouse.execute("set local work_mem = '256MB'")
    warehouse.execute(HASHES, [LONGEST_PROFILE_ID])
    warehouse.execute("analyze tonight_hashes")
    warehouse.execute(OFFERED_TONIGHT, [LONGEST_PROFILE_ID])
    warehouse.execute("analyze offered_tonight")


def remember(warehouse: psycopg.Connection[Any]) -> None:
    """Name the differing profiles for the models, those that are gone too."""
    warehouse.execute("truncate identity.differing_profiles")
    warehouse.execute(DIFFERING)
    warehouse.execute(CLEAN_UP)
    warehouse.execute("analyze identity.differing_profiles")


# Another seed makes every fingerprint another one; whom they were of is still known.
FORGET = "update identity.state set fingerprint_seed = fingerprint_seed + 1"

HASHES = """
create temporary table tonight_hashes on commit drop as
with rows_offered as (
    select
        hashtextextended(profile_id, 0) as profile_hash,
        hash_record_extended(
            row(source, identifier_type, identifier_value, is_confirmed, first_as_of),
            state.fingerprint_seed
        ) as hash
    from intermediate.int_identifiers_unioned
    cross join identity.state
    where octet_length(profile_id) <= %s
),

tonight as (
    select
        profile_hash,
        sum((hash >> 32)::integer) as head,
        sum((hash & 2147483647)::integer) as tail
    from rows_offered
    group by profile_hash
)

select profile_hash, tonight.head, tonight.tail
from tonight
full join identity.fingerprints as known using (profile_hash)
where (tonight.head, tonight.tail) is distinct from (known.head, known.tail)
"""

OFFERED_TONIGHT = """
create temporary table offered_tonight on commit drop as
select offered.*, tonight_hashes.profile_hash
from intermediate.int_identifiers_unioned as offered
inner join tonight_hashes on tonight_hashes.profile_hash = hashtextextended(offered.profile_id, 0)
where octet_length(offered.profile_id) <= %s
"""

DIFFERING = """
insert into identity.differing_profiles (profile_id, profile_hash, head, tail)
select profiles.profile_id, tonight_hashes.profile_hash, tonight_hashes.head, tonight_hashes.tail
from tonight_hashes
inner join identity.profiles
    on tonight_hashes.profile_hash = hashtextextended(profiles.profile_id, 0)
"""

# Of somebody who was erased nothing is left to compare.
CLEAN_UP = """
delete from identity.fingerprints as known
using tonight_hashes
where
    tonight_hashes.head is null
    and known.profile_hash = tonight_hashes.profile_hash
    and not exists (
        select from identity.differing_profiles as differing
        where differing.profile_hash = known.profile_hash
    )
"""
