{{ config(materialized='view', schema='identity') }}

with guarded as (

    select * from {{ ref('int_identifiers_guarded') }}

),

cut_edges as (

    select * from {{ source('identity_dictionary', 'cut_edges') }}

),

profiles as (

    select * from {{ source('identity_dictionary', 'profiles') }}

),

identifiers as (

    select * from {{ source('identity_dictionary', 'identifiers') }}

),

too_long as (

    select distinct
        left(profile_id, 100) as profile_id,
        identifier_type,
        left(identifier_value, 100) as identifier_value
    from {{ ref('int_identifiers_unioned') }}
    where octet_length(profile_id) > 1000

),

excluded as (

    select
        profile_key,
        identifier_key,
        identifier_type,
        raw_value,
        reason,
        '' as detail
    from guarded
    where reason is not null
    union all
    select
        cut_edges.profile_key,
        cut_edges.identifier_key,
        identifiers.identifier_type,
        null as raw_value,
        cut_edges.reason,
        cut_edges.detail
    from cut_edges
    left join identifiers using (identifier_key)

),

final as (

    select
        profiles.profile_id,
        coalesce(
            excluded.identifier_type,
            case excluded.reason when 'ambiguous_match' then 'match' else 'override' end
        ) as identifier_type,
        coalesce(identifiers.normal_form, excluded.raw_value) as identifier_value,
        excluded.reason,
        excluded.detail
    from excluded
    inner join profiles using (profile_key)
    left join identifiers using (identifier_key)
    union all
    select
        profile_id,
        identifier_type,
        identifier_value,
        'profile_id_too_long' as reason,
        '' as detail
    from too_long

)

select * from final
