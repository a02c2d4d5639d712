{{ config(materialized='view') }}

with identifiers as (

    select *, ctid as row_place from {{ ref('int_identifiers_normalised') }}

),

hubs as (

    select * from {{ ref('int_identifiers_capped') }}
    where is_capped

),

rules as (

    select * from {{ source('identity_dictionary', 'rules') }}

),

final as (

    select
        identifiers.profile_key,
        identifiers.identifier_key,
        identifiers.identifier_type,
        identifiers.is_confirmed,
        identifiers.anchor_order,
        identifiers.raw_value,
        rules.weight,
        rules.is_weak,
        rules.is_marker = 'always'
        or (rules.is_marker = 'confirmed' and identifiers.is_confirmed) as is_marker,
        case
            when identifiers.problem is not null then identifiers.problem
            when hubs.identifier_key is not null then 'over_cap'
        end as reason,
        identifiers.row_place
    from identifiers
    left join hubs using (identifier_key)
    left join rules using (identifier_type)

)

select * from final
