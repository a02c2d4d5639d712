{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='profile_id',
        on_schema_change='fail',
        indexes=[{'columns': ['profile_id']}],
    )
}}

with views as (

    select * from {{ ref('int_web_events_unioned') }}
    where
        event_name in ('product_view', 'add_to_cart')
        and product_id is not null
        and not is_bot
        and profile_id is not null
        and occurred_at is not null

),

touched_profiles as (

    select distinct profile_id from views
    {%- if is_incremental() %}
    where landed_mark > (select coalesce(max(landed_mark), -1) from {{ this }})
    {%- endif %}

),

final as (

    select
        profile_id,
        product_id,
        (array_agg(category order by occurred_at desc, event_id desc) filter (where category is not null))[1]
            as category,
        max(occurred_at) as last_viewed_at,
        (count(*) filter (where event_name = 'product_view'))::integer as views,
        (count(*) filter (where event_name = 'add_to_cart'))::integer as cart_adds,
        max(landed_mark) as landed_mark
    from views
    {%- if is_incremental() %}
    where profile_id in (select profile_id from touched_profiles)
    {%- endif %}
    group by profile_id, product_id

)

select * from final
