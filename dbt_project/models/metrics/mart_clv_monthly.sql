with {{ cohort_months() }},

currencies as (

    select distinct cohort_month, currency from orders
    where cohort_month is not null

),

earned as (

    select
        cohort_months.cohort_month,
        cohort_months.month_number,
        currencies.currency,
        cohort_months.customers,
        coalesce(sum(orders.revenue), 0) as revenue
    from cohort_months
    inner join currencies on cohort_months.cohort_month = currencies.cohort_month
    left join orders
        on cohort_months.cohort_month = orders.cohort_month
        and cohort_months.month = orders.month
        and currencies.currency = orders.currency
    group by
        cohort_months.cohort_month, cohort_months.month_number, currencies.currency, cohort_months.customers

),

final as (

    select
        cohort_month,
        month_number,
        currency,
        customers,
        revenue,
        sum(revenue) over (partition by cohort_month, currency order by month_number) as revenue_to_date,
        {{ share(
            'sum(revenue) over (partition by cohort_month, currency order by month_number)', 'customers', 4
        ) }} as realised_clv
    from earned

)

select * from final
