{# The periods in which somebody is a customer: by a subscription, or for `inactivity_days` after an
   order. Ends are exclusive, so that one period can start when another ends. #}
{% macro memberships() -%}
    select
        'contractual' as basis,
        customer_id,
        started_at,
        ended_at,
        amount,
        coalesce(currency, 'XXX') as currency
    from {{ ref('fct_subscriptions') }}
    where
        customer_id is not null and status <> 'trialing'
        and started_at is not null and started_at <= {{ as_of() }}
    union all
    select
        'non_contractual' as basis,
        customer_id,
        ordered_at as started_at,
        ordered_at + interval '{{ var("inactivity_days") }} days' as ended_at,
        amount,
        currency
    from {{ ref('fct_orders') }}
    where customer_id is not null and status = 'paid' and {{ is_reportable('ordered_at') }}
{%- endmacro %}

{% macro held_at(moment) -%}
    (started_at < {{ moment }} and (ended_at is null or ended_at >= {{ moment }}))
{%- endmacro %}

{# CTEs for churn models: `months` from the first membership on, and `members`, the customers of each
   month with their value at its start and end, one row per currency. #}
{% macro membership_months() -%}
    memberships as (

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

    members as (

        select
            months.basis,
            months.month,
            months.is_complete,
            memberships.customer_id,
            memberships.currency,
            coalesce(sum(memberships.amount) filter (where {{ held_at('starts_at') }}), 0) as value_at_start,
            coalesce(sum(memberships.amount) filter (where {{ held_at('ends_at') }}), 0) as value_at_end,
            bool_or(bool_or({{ held_at('starts_at') }})) over customer as was_at_start,
            bool_or(bool_or({{ held_at('ends_at') }})) over customer as was_at_end,
            row_number() over (customer order by memberships.currency) = 1 as is_counted
        from months
        inner join memberships
            on months.basis = memberships.basis
            and memberships.started_at < months.ends_at
            and (memberships.ended_at is null or memberships.ended_at >= months.starts_at)
        group by months.basis, months.month, months.is_complete, memberships.customer_id, memberships.currency
        window customer as (partition by months.basis, months.month, memberships.customer_id)

    )
{%- endmacro %}
