with schedules as (

    select * from {{ ref('base_zendesk__schedules') }}

),

holidays as (

    select
        schedules.schedule,
        {{ try_timestamp("listed.holiday ->> 'start_date'") }} as first_at,
        {{ try_timestamp("listed.holiday ->> 'end_date'") }} as last_at
    from schedules
    cross join lateral jsonb_array_elements(schedules.holidays) as listed (holiday)

),

final as (

    select
        'zendesk' as source,
        schedule,
        (first_at at time zone 'UTC')::date as first_date,
        (coalesce(last_at, first_at) at time zone 'UTC')::date as last_date
    from holidays
    where first_at is not null

)

select * from final
