{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='profile_key',
        indexes=[
            {'columns': ['profile_key', 'identifier_key', 'anchor_order', 'strength']},
            {'columns': ['identifier_key', 'profile_key']},
        ],
        pre_hook="{{ remember_former_identifiers(this, ref('int_identifiers_changed')) }}",
        post_hook=[
            "{{ remember_changed_profiles(this, ref('int_identifiers_changed')) }}",
            "{{ index_excluded(this) }}",
        ],
    )
}}

with changed as (

    select * from {{ ref('int_identifiers_changed') }}

),

final as (

    select
        profile_key,
        identifier_key,
        excluded_key,
        identifier_type,
        problem,
        raw_value,
        is_confirmed,
        anchor_order,
        strength
    from changed

)

select * from final
