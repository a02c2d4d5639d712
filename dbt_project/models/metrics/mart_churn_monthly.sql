with {{ membership_months() }},

counted as (

    select
        months.month,
        months.basis,
        months.is_complete,
        months.is_known,
        (count(*) filter (where members.was_at_start))::integer as customers_at_start,
        (count(*) filter (where not members.was_at_start and members.was_at_end))::integer as joined,
        (count(*) filter (where members.was_at_start and not members.was_at_end))::integer as churned,
        (count(*) filter (where members.was_at_end))::integer as customers_at_end,
        (count(*) filter (where not members.was_at_start and not members.was_at_end))::integer as came_and_went
    from months
    left join members on months.basis = members.basis and months.month = members.month and members.is_counted
    group by months.month, months.basis, months.is_complete, months.is_known

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
        case when is_known then {{ share('churned', 'customers_at_start') }} end as churn_rate,
        case
            when not is_known then 'history_too_short'
            when customers_at_start = 0 then 'no_customers'
        end as churn_rate_reason
    from counted

)

select * from final
