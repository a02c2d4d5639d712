with {{ membership_months() }},

counted as (

    select
        month,
        basis,
        currency,
        is_complete,
        is_known,
        sum(value_at_start) as revenue_at_start,
        coalesce(sum(value_at_end) filter (where not was_at_start), 0) as joined,
        coalesce(sum(value_at_start) filter (where not was_at_end), 0) as churned,
        coalesce(sum(value_at_end - value_at_start) filter (where was_at_start and was_at_end), 0) as changed,
        sum(value_at_end) as revenue_at_end
    from members
    group by month, basis, currency, is_complete, is_known

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
        case when is_known then {{ share('churned', 'revenue_at_start') }} end as revenue_churn_rate,
        case
            when not is_known then 'history_too_short'
            when revenue_at_start = 0 then 'no_revenue'
        end as revenue_churn_rate_reason
    from counted

)

select * from final
