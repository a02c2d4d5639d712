with months as (

    select
        *,
        lag(customers_at_end) over (partition by basis order by month) as customers_at_end_before
    from {{ ref('mart_churn_monthly') }}

)

select *
from months
where
    customers_at_start + joined - churned <> customers_at_end
    or coalesce(customers_at_end_before, 0) <> customers_at_start
