"""The key tables: each new identifier gets its normal form and each profile a 64-bit key, once.

>>> normalise(run_id="20260331T030000Z-01", as_of=as_of)  # doctest: +SKIP
{'profiles': 31, 'values': 57, 'problems': 2}
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from rapport.identity import changed_profiles
from rapport.identity.empty_tables import without_keys
from rapport.identity.normal_forms import LONGEST, VERSION, normal_form
from rapport.identity.rules import Rules, load_rules
from rapport.settings import Settings, load_settings

log = logging.getLogger(__name__)

CHUNK = 20_000
FORM_KEYS = (
    "blocked_values",
    "blocked_patterns",
    "email_roles",
    "email_ignore_dots",
    "email_ignore_plus_tags",
)


def normalise(
    *,
    run_id: str,
    as_of: datetime,
    connection: psycopg.Connection[Any] | None = None,
    settings: Settings | None = None,
) -> dict[str, int]:
    """Fill the key tables for the profiles that changed since the last run; returns the counts.

    Rows are read in chunks, so that memory use does not grow with their number.
    """
    settings = settings or load_settings()
    rules = load_rules(settings.identity)
    with connected(connection) as warehouse, warehouse.transaction():
        warehouse.execute("set local work_mem = '128MB'")
        warehouse.execute("set local maintenance_work_mem = '256MB'")
        _invalidate_for_new_rules(warehouse, rules, settings)
        changed_profiles.find(warehouse)
        _publish_rules(warehouse, rules, settings)
        profiles = _add(warehouse, "identity.profiles", NEW_PROFILES)
        if profiles:
            warehouse.execute("analyze identity.profiles")
        changed_profiles.publish(warehouse)
        values, problems = _normalise_unseen(warehouse, rules)
    log.info("identity: run %s: %d new profiles, %d new identifiers", run_id, profiles, values)
    return {"profiles": profiles, "values": values, "problems": problems}


@contextmanager
def connected(
    connection: psycopg.Connection[Any] | None,
) -> Iterator[psycopg.Connection[Any]]:
    """The given connection, or a new one that is closed at the end."""
    if connection is not None:
        yield connection
        return
    from rapport.warehouse import connect

    with connect() as own:
        yield own


def _invalidate_for_new_rules(
    warehouse: psycopg.Connection[Any], rules: Rules, settings: Settings
) -> None:
    """Mark all profiles as changed if the rules or the regions of phone numbers have changed."""
    hashes = {
        "forms": f"{VERSION}:{rules.digest(*FORM_KEYS)}",
        "rules": rules.digest(),
        "regions": json.dumps([settings.company.default_region, _regions(rules, settings)]),
    }
    row = warehouse.execute(
        "select forms_hash, rules_hash, regions_hash, must_rebuild from identity.state"
    ).fetchone()
    forms, known_rules, regions, must_rebuild = row or (None, None, None, True)
    if forms not in (None, hashes["forms"]):
        warehouse.execute("truncate identity.normal_forms")
    if forms not in (None, hashes["forms"]) or known_rules not in (None, hashes["rules"]):
        must_rebuild = True
        warehouse.execute("update identity.state set must_rebuild = true")
    if must_rebuild or regions != hashes["regions"]:
        warehouse.execute(changed_profiles.INVALIDATE_ALL)
    warehouse.execute(
        "update identity.state set forms_hash = %(forms)s, rules_hash = %(rules)s,"
        " regions_hash = %(regions)s",
        hashes,
    )


def _regions(rules: Rules, settings: Settings) -> dict[str, str]:
    declared = {
        source: options["default_region"]
        for source, options in settings.sources.items()
        if isinstance(options.get("default_region"), str)
    }
    return dict(sorted((declared | rules.regions).items()))


def _publish_rules(warehouse: psycopg.Connection[Any], rules: Rules, settings: Settings) -> None:
    regions = _regions(rules, settings)
    cursor = warehouse.cursor()
    cursor.executemany(
        "insert into identity.sources as known values (%(source)s, %(region)s, %(rank)s)"
        " on conflict (source) do update set region = excluded.region, rank = excluded.rank"
        " where known is distinct from excluded",
        [
            {
                "source": source,
                "region": regions.get(source, settings.company.default_region),
                "rank": rules.rank(source),
            }
            for (source,) in warehouse.execute(SOURCES)
        ],
    )
    types = {kind for (kind,) in warehouse.execute(TYPES)} | set(rules.types)
    cursor.executemany(
        "insert into identity.rules as known values (%(type)s, %(weight)s, %(cap)s, %(is_weak)s,"
        " %(is_marker)s, %(is_account)s) on conflict (identifier_type) do update set"
        " weight = excluded.weight, cap = excluded.cap, is_weak = excluded.is_weak,"
        " is_marker = excluded.is_marker, is_account = excluded.is_account"
        " where known is distinct from excluded",
        [{"type": kind, **rules.of(kind).model_dump()} for kind in sorted(types)],
    )


def _normalise_unseen(warehouse: psycopg.Connection[Any], rules: Rules) -> tuple[int, int]:
    warehouse.execute(
        'create temporary table computed (identifier_type text, raw_value text collate "C",'
        ' region text, normal_form text collate "C", problem text) on commit drop'
    )
    values = problems = 0
    with warehouse.cursor("unseen") as unseen:
        unseen.execute(UNSEEN, [LONGEST])
        while rows := unseen.fetchmany(CHUNK):
            with warehouse.cursor().copy("copy computed from stdin") as copy:
                for identifier_type, raw, region in rows:
                    form = normal_form(identifier_type, raw, region, rules)
                    copy.write_row((identifier_type, raw, region, form.value, form.problem))
                    problems += form.problem is not None
            values += len(rows)
    if values:
        warehouse.execute("analyze computed")
        _add(warehouse, "identity.identifiers", NEW_IDENTIFIERS)
        _add(warehouse, "identity.normal_forms", NEW_FORMS)
        warehouse.execute("analyze identity.identifiers, identity.normal_forms")
    return values, problems


def _add(warehouse: psycopg.Connection[Any], table: str, query: str) -> int:
    """Add rows that are not there yet. Rows in the order of a key are added faster."""
    with without_keys(warehouse, table) as is_empty:
        return warehouse.execute(f"{query}{'' if is_empty else KNOWN}".encode()).rowcount


SOURCES = "select source from identity.sources union select source from changed_offers"
TYPES = """
select identifier_type from identity.rules union select identifier_type from changed_offers
"""

NEW_PROFILES = """
insert into identity.profiles (profile_id)
select distinct offered.profile_id collate "C"
from changed_offers as offered
where not exists (select from identity.profiles where profiles.profile_id = offered.profile_id)
order by 1
"""

UNSEEN = """
with offered as (
    select distinct
        offered.identifier_type,
        offered.identifier_value as raw_value,
        case when offered.identifier_type = 'phone' then sources.region else '' end as region
    from changed_offers as offered
    inner join identity.sources using (source)
    where length(offered.identifier_value) <= %s
)

select * from offered
where not exists (
    select from identity.normal_forms
    where
        normal_forms.identifier_type = offered.identifier_type
        and normal_forms.raw_value = offered.raw_value
        and normal_forms.region = offered.region
)
"""

NEW_IDENTIFIERS = """
insert into identity.identifiers (identifier_type, normal_form)
select distinct identifier_type, normal_form from computed
where normal_form is not null
order by identifier_type, normal_form
"""

NEW_FORMS = """
insert into identity.normal_forms
select
    computed.identifier_type, computed.raw_value, computed.region, computed.normal_form,
    computed.problem, identifiers.identifier_key
from computed
left join identity.identifiers using (identifier_type, normal_form)
order by identifier_type, raw_value, region
"""

KNOWN = "on conflict do nothing"
