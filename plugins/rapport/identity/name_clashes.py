"""Name clashes: mailboxes shared by people with clearly different names, which are ignored.

One person's name is spelled in many ways, so two names differ only if no word, initial or beginning
is alike. Couples usually share a surname, so their names do not differ.

>>> differ("Mara Lindner", "Lindner, M."), differ("Mara Lindner", "Jonas Weber")
(False, True)
"""

import unicodedata
from difflib import SequenceMatcher
from itertools import combinations, product
from typing import Any

import psycopg

from rapport.identity.normal_forms import name_form

ALIKE = 0.75
COMPARABLE = ("LATIN", "CYRILLIC", "GREEK")
# A name with one of these words is a company's or a team's. It never differs from a person's name.
NOT_A_PERSON = frozenset(
    name_form(
        """
        ab ag as asa asbl association bv bvba club co company corp corporation ek eg eirl eurl
        ev gbr gmbh group gruppe holding inc kft kg kgaa limited llc llp ltd nv oe office og
        ohg ooo oy oyj plc pty sa sas sarl sc se service services shop sl slu snc spa sro spol
        srl srls store support team ug und verein zao zoo admin test user kunde customer
        client guest gast unknown unbekannt
        """
    ).split()
)


def differ(one: str, other: str) -> bool:
    """Whether two names clearly belong to two people; False if this is uncertain."""
    if _is_comparable(one) != _is_comparable(other):
        return False
    mine, theirs = _words(one), _words(other)
    if len(mine) < 2 or len(theirs) < 2:
        return False
    return not any(_alike(a, b) for a, b in product(mine, theirs))


def _words(name: str) -> list[str]:
    """The words of a person's name; an empty list if the name is not a person's."""
    words = name_form(name).split()
    is_person = not any(word in NOT_A_PERSON or not word.isalpha() for word in words)
    return words if is_person else []


def _is_comparable(name: str) -> bool:
    """Whether every letter is of a script that is transliterated to Latin letter by letter."""
    return all(
        unicodedata.name(letter, "").startswith(COMPARABLE) for letter in name if letter.isalpha()
    )


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if long.startswith(short) or short in long[1:]:
        return True
    return SequenceMatcher(None, one, other).ratio() >= ALIKE


def find(warehouse: psycopg.Connection[Any]) -> None:
    """Rebuild `identity.name_clashes` from the current names, in the caller's transaction."""
    row = warehouse.execute(
        "select to_regclass('intermediate.int_contacts_unioned') is not null"
        " and to_regclass('identity_build.int_identifiers_normalised') is not null"
    ).fetchone()
    if not (row and row[0]):
        return
    clashes = [
        key
        for key, names in warehouse.execute(CANDIDATES)
        if any(differ(one, other) for one, other in combinations(names, 2))
    ]
    warehouse.execute("delete from identity.name_clashes")
    warehouse.execute("insert into identity.name_clashes select unnest(%s::bigint[])", [clashes])


CANDIDATES = """
with names as (
    select
        profiles.profile_key,
        lower(coalesce(contacts.full_name, concat_ws(' ', contacts.first_name, contacts.last_name)))
        as name
    from intermediate.int_contacts_unioned as contacts
    inner join identity.profiles using (profile_id)
)

select offered.identifier_key, (array_agg(distinct names.name))[1:20]
from identity_build.int_identifiers_normalised as offered
inner join names using (profile_key)
where
    offered.identifier_type = 'email'
    and offered.identifier_key is not null
    and names.name like '_% _%'
group by offered.identifier_key
having count(distinct names.name) > 1
"""
