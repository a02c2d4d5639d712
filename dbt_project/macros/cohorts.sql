{# CTEs for cohort models: `orders` with the month of the customer's first paid order, `cohorts` with
   their size, and `cohort_months` with every month of each cohort up to now. #}
{% macro cohort_months() -%}
    orders as (

        select
            customer_id,
            currency,
            amount,
            {{ local_month('ordered_at') }} as month,
            min({{ local_month('ordered_at') }}) over (partition by customer_id) as cohort_month
        from {{ ref('fct_orders') }}
        where status = 'paid' and customer_id is not null and {{ is_reportable('ordered_at') }}

    ),

    cohorts as (

        select cohort_month, count(distinct customer_id)::integer as customers
        from orders
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
