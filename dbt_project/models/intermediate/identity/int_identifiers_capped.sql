{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='identifier_key',
        pre_hook="{{ prepare_counting() }}",
    )
}}

with identifiers as (

    select * from {{ ref('int_identifiers_normalised') }}
    where identifier_key is not null

),

rules as (

    select * from {{ source('identity_dictionary', 'rules') }}

),

{%- if is_incremental() and not identity_must_rebuild() %}

candidates as (

    select identifiers.identifier_key
    from identifiers
    inner join {{ source('identity_dictionary', 'changed_profiles') }} using (profile_key)
    union
    select identifier_key from {{ source('identity_dictionary', 'former_identifiers') }}
    union
    select identifier_key from {{ this }}

),

counted as (

    select
        identifiers.identifier_key,
        count(*) as profiles
    from identifiers
    inner join candidates using (identifier_key)
    group by 1

),

{%- else %}

counted as (

    select
        identifier_key,
        count(*) as profiles
    from identifiers
    group by 1
    having count(*) > (select min(cap) from rules)

),

{%- endif %}

final as (

    select
        counted.identifier_key,
        counted.profiles,
        rules.cap,
        counted.profiles > rules.cap as is_capped
    from counted
    inner join {{ source('identity_dictionary', 'identifiers') }} using (identifier_key)
    inner join rules using (identifier_type)
    {%- if is_incremental() %}
    where
        counted.profiles > rules.cap
        or counted.identifier_key in (select known.identifier_key from {{ this }} as known)
    union all
    select
        known.identifier_key,
        0 as profiles,
        known.cap,
        false as is_capped
    from {{ this }} as known
    where not exists (
        select from counted where counted.identifier_key = known.identifier_key
    )
    {%- else %}
    where counted.profiles > rules.cap
    {%- endif %}

)

select * from final
