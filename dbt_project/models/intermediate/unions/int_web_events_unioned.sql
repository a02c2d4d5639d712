{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['source', 'event_id'],
        on_schema_change='fail',
        indexes=[
            {'columns': ['source', 'event_id']},
            {'columns': ['profile_id']},
            {'columns': ['visitor_id']},
            {'columns': ['landed_mark']},
        ],
    )
}}
{%- set meant = {
    'event_name': canonical_event_name('events.event_name'),
    'utm_source': 'coalesce(' ~ campaign_word('events.utm_source') ~ ', ' ~ ad_network('events.url') ~ ')',
    'utm_medium': event_medium('events.utm_medium', 'events.url'),
    'utm_campaign': campaign_word('events.utm_campaign'),
} %}

with events as (

    {{ union_of('web_events') }}

),

loads as (

    select * from {{ source('landing', 'landed_loads') }}

),

final as (

    select
        {%- for name in canonical_columns('web_events') %}
        {{ meant.get(name, 'events.' ~ name) }} as {{ name }},
        {%- endfor %}
        {{ visitor_of('events.source', 'events.profile_id', 'events.device_id') }} as visitor_id,
        loads.landed as load_landed,
        (select sum(landed) from loads)::bigint as landed_mark
    from events
    left join loads on events.load_id = loads.load_id
    {%- if is_incremental() %}
    where events.load_id = any(array({{ unread_loads() }}))
    {%- endif %}

)

select * from final
