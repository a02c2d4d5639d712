{{ config(indexes=[{'columns': ['schedule', 'opens_at'], 'unique': true}]) }}

with hours as (

    select
        schedule,
        iso_weekday,
        extract(epoch from opens_at) / 60 as opens_minute,
        extract(epoch from closes_at) / 60 as closes_minute,
        coalesce(time_zone, {{ company_time_zone() }}) as local_time_zone
    from {{ ref('support_hours') }}
    union all
    select schedule, iso_weekday, opens_minute, closes_minute, time_zone
    from {{ ref('int_support_hours_unioned') }}

),

holidays as (

    select schedule, holiday_date as first_date, holiday_date as last_date
    from {{ ref('support_holidays') }}
    union all
    select schedule, first_date, last_date
    from {{ ref('int_support_holidays_unioned') }}

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

own_schedules as (

    select distinct schedule from {{ ref('support_hours') }}

),

closed_days as (

    select coalesce(holidays.schedule, own_schedules.schedule) as schedule, day::date as day
    from holidays
    -- A holiday without a schedule is of the company's own schedules.
    left join own_schedules on holidays.schedule is null
    cross join (select min(day) as first_day, max(day) as last_day from days) as bounds
    cross join lateral generate_series(
        greatest(holidays.first_date, bounds.first_day)::timestamp,
        least(holidays.last_date, bounds.last_day)::timestamp,
        interval '1 day'
    ) as day
    where holidays.first_date is not null and holidays.last_date is not null
    group by 1, 2

),

openings as (

    select
        hours.schedule,
        (days.day + make_interval(mins => hours.opens_minute::integer)) at time zone hours.local_time_zone as opens_at,
        (days.day + make_interval(mins => hours.closes_minute::integer)) at time zone hours.local_time_zone
            as closes_at
    from hours
    inner join days on hours.iso_weekday = extract(isodow from days.day)
    left join closed_days on hours.schedule = closed_days.schedule and days.day = closed_days.day
    where closed_days.day is null

),

apart as (

    select distinct on (schedule, opens_at)
        schedule,
        opens_at,
        closes_at
    from openings
    where closes_at > opens_at
    order by schedule, opens_at, closes_at desc

),

cut as (

    select
        schedule,
        opens_at,
        least(closes_at, lead(opens_at) over (partition by schedule order by opens_at)) as closes_at
    from apart

),

final as (

    select
        schedule,
        opens_at,
        closes_at,
        coalesce(sum(extract(epoch from closes_at - opens_at) / 60) over earlier, 0) as minutes_before
    from cut
    window earlier as (
        partition by schedule order by opens_at rows between unbounded preceding and 1 preceding
    )

)

select * from final
