{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['source', 'event_id'],
        on_schema_change='fail',
        indexes=[{'columns': ['source', 'event_id']}, {'columns': ['profile_id']}, {'columns': ['landed_mark']}],
    )
}}

with events as (

    {{ union_of('web_events') }}

),

loads as (

    select * from {{ source('landing', 'loads') }}

),

final as (

    select
        events.*,
        loads.landed as load_landed,
        (select sum(landed) from loads)::bigint as landed_mark
    from events
    left join loads on events.load_id = loads.load_id
    {%- if is_incremental() %}
    where events.load_id = any(array({{ unread_loads() }}))
    {%- endif %}

)

select * from final
