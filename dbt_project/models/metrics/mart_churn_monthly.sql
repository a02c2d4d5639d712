with memberships as (

    {{ memberships() }}

),

first_months as (

    select basis, greatest(min({{ local_month('started_at') }}), date '1990-01-01') as month
    from memberships
    group by basis

),

months as (

    select
        first_months.basis,
        month_start::date as month,
        {{ start_of_local_day('month_start') }} as starts_at,
        least({{ start_of_local_day("month_start + interval '1 month'") }}, {{ as_of() }}) as ends_at,
        {{ start_of_local_day("month_start + interval '1 month'") }} <= {{ as_of() }} as is_complete
    from first_months
    cross join lateral generate_series(
        first_months.month::timestamp, {{ local_month(as_of()) }}::timestamp, interval '1 month'
    ) as month_start

),

customers as (

    select
        months.basis,
        months.month,
        memberships.customer_id,
        bool_or({{ held_at('starts_at') }}) as was_at_start,
        bool_or({{ held_at('ends_at') }}) as was_at_end
    from months
    inner join memberships
        on months.basis = memberships.basis
        and memberships.started_at < months.ends_at
        and (memberships.ended_at is null or memberships.ended_at >= months.starts_at)
    group by months.basis, months.month, memberships.customer_id

),

counted as (

    select
        months.month,
        months.basis,
        months.is_complete,
        (count(*) filter (where customers.was_at_start))::integer as customers_at_start,
        (count(*) filter (where not customers.was_at_start and customers.was_at_end))::integer as joined,
        (count(*) filter (where customers.was_at_start and not customers.was_at_end))::integer as churned,
        (count(*) filter (where customers.was_at_end))::integer as customers_at_end,
        (count(*) filter (where not customers.was_at_start and not customers.was_at_end))::integer as came_and_went
    from months
    left join customers on months.basis = customers.basis and months.month = customers.month
    group by months.month, months.basis, months.is_complete

),

final as (

    select
        month,
        basis,
        is_complete,
        customers_at_start,
        joined,
        churned,
        customers_at_end,
        came_and_went,
        {{ share('churned', 'customers_at_start') }} as churn_rate
    from counted

)

select * from final
