{{ config(materialized='view') }}

with identifiers as (

    select * from {{ ref('int_identifiers_normalised') }}

),

hubs as (

    select * from {{ source('identity_dictionary', 'capped') }}

),

final as (

    select
        identifiers.profile_key,
        coalesce(identifiers.identifier_key, identifiers.excluded_key) as identifier_key,
        identifiers.identifier_type,
        identifiers.is_confirmed,
        identifiers.anchor_order,
        identifiers.raw_value,
        identifiers.strength / 8 as weight,
        identifiers.strength % 4 >= 2 as is_weak,
        identifiers.strength % 2 = 1 as is_marker,
        case
            when identifiers.problem is not null then identifiers.problem
            when hubs.identifier_key is not null then hubs.reason
        end as reason
    from identifiers
    left join hubs on identifiers.identifier_key = hubs.identifier_key

)

select * from final
