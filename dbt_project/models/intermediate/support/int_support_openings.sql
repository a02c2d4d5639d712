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

openings as (

    select
        hours.schedule,
        (days.day + make_interval(mins => hours.opens_minute::integer)) at time zone hours.local_time_zone as opens_at,
        (days.day + make_interval(mins => hours.closes_minute::integer)) at time zone hours.local_time_zone
            as closes_at
    from hours
    inner join days on hours.iso_weekday = extract(isodow from days.day)
    where
        not exists (
            select 1 from holidays
            where
                days.day between holidays.first_date and holidays.last_date
                and (
                    holidays.schedule = hours.schedule
                    -- A holiday without a schedule is of the company's own schedules.
                    or (holidays.schedule is null and hours.schedule in (select schedule from {{ ref('support_hours') }}))
                )
        )

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
