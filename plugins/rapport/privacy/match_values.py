"""Erases the values that only one person has from the frequencies of matching.

These are kept by value and not by person: one person with many records can make a value common.

>>> forget(connection, person)  # doctest: +SKIP
1
"""

from typing import Any

import psycopg

from rapport.identity.matching.comparisons import WEIGHED
from rapport.privacy.person import Person


def forget(connection: psycopg.Connection[Any], person: Person) -> int:
    """Delete the frequencies of the person's values that no other record has; returns how many.

    The person's records of matching must still be there.
    """
    keys = [int(key) for key in person.keys]
    return connection.execute(FORGET.encode(), {"keys": keys}).rowcount


FORGET = f"""
with mine as (
    select distinct offered.field, offered.value
    from identity.match_records as records
    cross join lateral (
        values {", ".join(f"('{name}', records.{name})" for name in WEIGHED)}
    ) as offered (field, value)
    where records.profile_key = any(%(keys)s)
)

delete from identity.match_frequencies as known
using mine
where
    (known.field, known.value) = (mine.field, mine.value)
    and not exists (
        select from identity.match_records as others
        where
            others.profile_key <> all(%(keys)s)
            and case mine.field
                {" ".join(f"when '{name}' then others.{name}" for name in WEIGHED)}
            end = mine.value
    )
"""  # noqa: S608 - the names of our own columns
