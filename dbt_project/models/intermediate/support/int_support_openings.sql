{{ config(indexes=[{'columns': ['schedule', 'opens_at'], 'unique': true}]) }}

with hours as (

    select *, coalesce(time_zone, {{ company_time_zone() }}) as local_time_zone
    from {{ ref('support_hours') }}

),

holidays as (

    select * from {{ ref('support_holidays') }}

),

days as (

    select day::date as day
    from (
        select least(min(created_at), {{ as_of() }}) as first_at
        from {{ ref('int_conversations_unioned') }}
        where {{ is_reportable('created_at') }}
    ) as beginnings
    cross join lateral generate_series(
        first_at - interval '2 days', {{ as_of() }} + interval '2 days', interval '1 day'
    ) as day

),

openings as (

    select
        hours.schedule,
        (days.day + hours.opens_at) at time zone hours.local_time_zone as opens_at,
        (days.day + hours.closes_at) at time zone hours.local_time_zone as closes_at
    from hours
    inner join days on hours.iso_weekday = extract(isodow from days.day)
    left join holidays
        on days.day = holidays.holiday_date
        and hours.schedule = coalesce(holidays.schedule, hours.schedule)
    where holidays.holiday_date is null

),

final as (

    select
        schedule,
        opens_at,
        closes_at,
        coalesce(sum(extract(epoch from closes_at - opens_at) / 60) over earlier, 0) as minutes_before
    from openings
    window earlier as (
        partition by schedule order by opens_at rows between unbounded preceding and 1 preceding
    )

)

select * from final
