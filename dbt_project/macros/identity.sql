{# Stores the former identifiers of changed profiles. The resolver needs them to find the regions that
   a profile leaves, and an unsubscribe by a former address still belongs to the customer. #}
{% macro remember_former_identifiers(known, changed) -%}
    {%- if is_incremental() %}
    insert into identity.former_identifiers
    select distinct known.profile_key, known.identifier_key
    from {{ known }} as known
    where
        known.identifier_key is not null
        and known.profile_key in (select changed.profile_key from {{ changed }} as changed)
        -- If a profile changes twice before it is resolved, the first identifiers are kept.
        and not exists (
            select from identity.changed_profiles as before
            where before.profile_key = known.profile_key
        )
    on conflict do nothing;
    insert into identity.earlier_addresses
    select known.profile_key, members.customer_id, coalesce(known.identifier_key, known.excluded_key)
    from {{ known }} as known
    inner join identity.members using (profile_key)
    where
        known.identifier_type in ('email', 'phone')
        and coalesce(known.identifier_key, known.excluded_key) is not null
        and known.profile_key in (select changed.profile_key from {{ changed }} as changed)
        and not exists (
            select from {{ changed }} as changed
            where
                changed.profile_key = known.profile_key
                and coalesce(changed.identifier_key, changed.excluded_key)
                = coalesce(known.identifier_key, known.excluded_key)
        )
    on conflict do nothing
    {%- endif %}
{%- endmacro %}

{# Stores which profiles changed, in the transaction that changes the identifiers, so that a killed
   run loses no change. #}
{% macro remember_changed_profiles(known, changed) -%}
    {%- if is_incremental() %}
    delete from {{ known }} as known
    using {{ changed }} as changed
    where changed.is_removed and known.profile_key = changed.profile_key;
    insert into identity.changed_profiles
    select distinct changed.profile_key from {{ changed }} as changed
    on conflict do nothing
    {%- else %}
    update identity.state set must_rebuild = true
    {%- endif %};
    delete from identity.fingerprints as known
    using identity.differing_profiles as differing
    where differing.head is null and known.profile_hash = differing.profile_hash;
    insert into identity.fingerprints (profile_hash, head, tail)
    select distinct profile_hash, head, tail from identity.differing_profiles
    where head is not null
    on conflict (profile_hash) do update set head = excluded.head, tail = excluded.tail;
    delete from identity.differing_profiles
{%- endmacro %}

{# Adds the index of excluded identifiers, also to an existing table. #}
{% macro index_excluded(table) -%}
    do $$
    begin
        if not exists (
            select from pg_index
            where indrelid = '{{ table }}'::regclass and indpred is not null
        ) then
            create index on {{ table }} (excluded_key) where excluded_key is not null;
        end if;
    end
    $$
{%- endmacro %}
