{# CTEs for cohort models: `orders`, purchases and refunds, with the month of the customer's first purchase, `cohorts` with
   their size, and `cohort_months` with every month of each cohort up to now. #}
{% macro cohort_months() -%}
    orders as (

        select
            customer_id,
            currency,
            is_purchase,
            revenue,
            {{ local_month('ordered_at') }} as month,
            min({{ local_month('ordered_at') }}) filter (where is_purchase) over (partition by customer_id) as cohort_month
        from {{ ref('fct_orders') }}
        where
            (is_purchase or revenue is not null) and customer_id is not null
            and {{ is_reportable('ordered_at') }}

    ),

    cohorts as (

        select cohort_month, count(distinct customer_id)::integer as customers
        from orders
        where is_purchase
        group by cohort_month

    ),

    cohort_months as (

        select
            cohorts.*,
            month_start::date as month,
            (row_number() over (partition by cohorts.cohort_month order by month_start) - 1)::integer as month_number
        from cohorts
        cross join lateral generate_series(
            cohort_month::timestamp, {{ local_month(as_of()) }}::timestamp, interval '1 month'
        ) as month_start

    )
{%- endmacro %}
