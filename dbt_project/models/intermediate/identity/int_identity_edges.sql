{{ config(materialized='view') }}

with guarded as (

    select * from {{ ref('int_identifiers_guarded') }}
    where reason is null and identifier_key is not null

),

cut_edges as (

    select * from {{ source('identity_dictionary', 'cut_edges') }}

),

final as (

    select
        guarded.profile_key,
        guarded.identifier_key,
        guarded.identifier_type,
        guarded.is_confirmed,
        guarded.weight
    from guarded
    left join cut_edges using (profile_key, identifier_key)
    where cut_edges.identifier_key is null

)

select * from final
