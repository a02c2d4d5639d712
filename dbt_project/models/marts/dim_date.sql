with days as (

    select day::date as date_day
    from generate_series(
        timestamp '1990-01-01', ({{ local_date(as_of()) }} + 366)::timestamp, interval '1 day'
    ) as day

),

final as (

    select
        date_day,
        extract(year from date_day)::integer as year,
        extract(quarter from date_day)::integer as quarter,
        extract(month from date_day)::integer as month,
        date_trunc('month', date_day)::date as month_start_date,
        extract(isoyear from date_day)::integer as iso_year,
        extract(week from date_day)::integer as iso_week,
        date_trunc('week', date_day)::date as week_start_date,
        extract(isodow from date_day)::integer as iso_weekday,
        extract(isodow from date_day) > 5 as is_weekend,
        (date_trunc('month', date_day) + interval '1 month - 1 day')::date = date_day as is_month_end
    from days

)

select * from final
