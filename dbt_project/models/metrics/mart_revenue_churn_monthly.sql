with {{ membership_months() }},

counted as (

    select
        month,
        basis,
        currency,
        is_complete,
        sum(value_at_start) as revenue_at_start,
        coalesce(sum(value_at_end) filter (where not was_at_start), 0) as joined,
        coalesce(sum(value_at_start) filter (where not was_at_end), 0) as churned,
        coalesce(sum(value_at_end - value_at_start) filter (where was_at_start and was_at_end), 0) as changed,
        sum(value_at_end) as revenue_at_end
    from members
    group by month, basis, currency, is_complete

),

final as (

    select
        month,
        basis,
        currency,
        is_complete,
        revenue_at_start,
        joined,
        churned,
        changed,
        revenue_at_end,
        {{ share('churned', 'revenue_at_start') }} as revenue_churn_rate
    from counted

)

select * from final
