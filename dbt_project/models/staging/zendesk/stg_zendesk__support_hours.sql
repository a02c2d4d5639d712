with schedules as (

    select * from {{ ref('base_zendesk__schedules') }}

),

openings as (

    select
        schedules.schedule,
        schedules.is_default,
        schedules.time_zone,
        {{ try_integer("listed.period ->> 'start_time'") }} as opens_minute,
        {{ try_integer("listed.period ->> 'end_time'") }} as closes_minute
    from schedules
    cross join lateral jsonb_array_elements(schedules.intervals) as listed (period)

),

final as (

    select
        'zendesk' as source,
        schedule,
        is_default,
        (opens_minute / 1440 + 6) % 7 + 1 as iso_weekday,
        opens_minute % 1440 as opens_minute,
        least(closes_minute - opens_minute / 1440 * 1440, 1440) as closes_minute,
        time_zone
    from openings
    where opens_minute between 0 and 10079 and closes_minute > opens_minute

)

select * from final
