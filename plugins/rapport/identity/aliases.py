"""The alias table: every customer id that ever existed, and the customer it means today.

>>> aliases.write(warehouse, {"run_id": run_id, "as_of": as_of})  # doctest: +SKIP
12
"""

from typing import Any

import psycopg


def write(warehouse: psycopg.Connection[Any], at: dict[str, Any]) -> int:
    """Update the aliases of customers that moved and add the new ids; returns how many are new."""
    row = warehouse.execute("select exists (select from identity.aliases)").fetchone()
    if row and row[0]:
        warehouse.execute(FOLLOW_ANCHORS)
        return warehouse.execute(NEW_ALIASES, at).rowcount
    warehouse.execute("alter table identity.aliases drop constraint aliases_pkey")
    new = warehouse.execute(FILL_ALIASES, at).rowcount
    # If two anchors have the same hash, the key raises an error instead of joining two customers.
    warehouse.execute("alter table identity.aliases add primary key (alias_id)")
    return new


# An alias means the customer that its anchor belongs to now. If the anchor is gone, the alias takes
# the anchor of the customer that took over most of the profiles.
FOLLOW_ANCHORS = """
with reborn as (
    select customers.customer_id from customers
    where not exists (select from before where before.customer_id = customers.customer_id)
),

gone as (
    select distinct from_id from moves
),

concerned as (
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join reborn on aliases.alias_id = reborn.customer_id
    union
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join gone on aliases.alias_id = gone.from_id
    union
    select aliases.alias_id, aliases.anchor_profile_id, aliases.customer_id
    from identity.aliases
    inner join gone on aliases.customer_id = gone.from_id
    where aliases.alias_id <> aliases.customer_id
),

heirs as (
    select distinct on (from_id) from_id, to_id
    from moves
    order by from_id, profiles desc, to_id
),

meaning as (
    select
        concerned.alias_id,
        coalesce(
            alive.customer_id, members.customer_id, heirs.to_id, concerned.customer_id
        ) as customer_id,
        case
            when alive.customer_id is not null then alive.anchor_profile_id
            when members.customer_id is not null or heirs.to_id is null
                then concerned.anchor_profile_id
            else anchors.anchor_profile_id
        end as anchor_profile_id
    from concerned
    left join identity.profiles on profiles.profile_id = concerned.anchor_profile_id
    left join identity.members on members.profile_key = profiles.profile_key
    left join customers as alive on alive.customer_id = concerned.alias_id
    left join heirs on heirs.from_id = concerned.customer_id
    left join customers as anchors on anchors.customer_id = heirs.to_id
)

update identity.aliases set
    customer_id = meaning.customer_id, anchor_profile_id = meaning.anchor_profile_id
from meaning
where
    aliases.alias_id = meaning.alias_id
    and (aliases.customer_id, aliases.anchor_profile_id) is distinct from
    (meaning.customer_id, meaning.anchor_profile_id)
"""

NEW_ALIASES = """
insert into identity.aliases (alias_id, customer_id, since, anchor_profile_id)
select customers.customer_id, customers.customer_id, %(as_of)s, customers.anchor_profile_id
from customers
where
    not exists (select from before where before.customer_id = customers.customer_id)
    and not exists (
        select from identity.aliases where aliases.alias_id = customers.customer_id
    )
"""

FILL_ALIASES = """
insert into identity.aliases (alias_id, customer_id, since, anchor_profile_id)
select customer_id, customer_id, %(as_of)s, anchor_profile_id from customers
"""
