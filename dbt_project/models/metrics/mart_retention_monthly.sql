with {{ cohort_months() }},

final as (

    select
        cohort_months.cohort_month,
        cohort_months.month_number,
        cohort_months.month,
        cohort_months.customers,
        count(distinct orders.customer_id)::integer as active_customers,
        {{ share('count(distinct orders.customer_id)', 'cohort_months.customers') }} as retention_rate
    from cohort_months
    left join orders
        on cohort_months.cohort_month = orders.cohort_month
        and cohort_months.month = orders.month
        and orders.is_purchase
    group by
        cohort_months.cohort_month, cohort_months.month_number, cohort_months.month, cohort_months.customers

)

select * from final
