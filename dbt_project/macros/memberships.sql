{# The last version of each record of a raw table, also of deleted ones, with `deleted_at`: the run that found the
   record deleted. `newest_first` orders the versions before their loads do. #}
{% macro versions_with_deleted(raw, newest_first='') -%}
    (
        select distinct on (record_key) kept.*, gone.deleted_at
        from {{ raw }} as kept
        left join (
            select record_key, as_of as deleted_at from {{ raw }} where is_latest and is_deleted
        ) as gone using (record_key)
        where not kept.is_deleted
        order by record_key, {{ newest_first }}load_id desc
    )
{%- endmacro %}

{# The periods in which somebody is a customer: by a subscription, or for `inactivity_days` after a
   purchase. Ends are exclusive, so that one period can start when another ends. #}
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
        and {{ is_reportable('started_at') }}
    union all
    select
        'non_contractual' as basis,
        customer_id,
        ordered_at as started_at,
        ordered_at + interval '{{ var("inactivity_days") }} days' as ended_at,
        amount,
        currency
    from {{ ref('fct_orders') }}
    where customer_id is not null and is_purchase and {{ is_reportable('ordered_at') }}
{%- endmacro %}

{% macro held_at(moment) -%}
    (started_at < {{ moment }} and (ended_at is null or ended_at >= {{ moment }}))
{%- endmacro %}

{# Whether it can be known who was a customer at a moment and who left since. Nobody leaves by inactivity within
   `inactivity_days` of the first purchase on record, so any rate from less history is 0 by construction. #}
{% macro inactivity_is_known(first, moment) -%}
    (
        {{ first }}.basis = 'contractual'
        or {{ moment }} >= {{ first }}.first_at + interval '{{ var("inactivity_days") }} days'
    )
{%- endmacro %}

{# CTEs for churn models: `months` from the first membership on, and `members`, the customers of each
   month with their value at its start and end, one row per currency. #}
{% macro membership_months() -%}
    memberships as (

        {{ memberships() }}

    ),

    first_months as (

        select basis, min(started_at) as first_at, min({{ local_month('started_at') }}) as month
        from memberships
        group by basis

    ),

    months as (

        select
            first_months.basis,
            month_start::date as month,
            {{ start_of_local_day('month_start') }} as starts_at,
            least({{ start_of_local_day("month_start + interval '1 month'") }}, {{ as_of() }}) as ends_at,
            {{ start_of_local_day("month_start + interval '1 month'") }} <= {{ as_of() }} as is_complete,
            {{ inactivity_is_known('first_months', start_of_local_day('month_start')) }} as is_known
        from first_months
        cross join lateral generate_series(
            first_months.month::timestamp, {{ local_month(as_of()) }}::timestamp, interval '1 month'
        ) as month_start

    ),

    -- The months that a membership may touch, a day more on either side for the changes of clocks.
    possible_months as (

        select memberships.*, possible.month_start::date as month
        from memberships
        cross join lateral generate_series(
            date_trunc('month', memberships.started_at at time zone {{ company_time_zone() }} - interval '1 day'),
            least(memberships.ended_at, {{ as_of() }}) at time zone {{ company_time_zone() }} + interval '1 day',
            interval '1 month'
        ) as possible (month_start)

    ),

    members as (

        select
            months.basis,
            months.month,
            months.is_complete,
            months.is_known,
            memberships.customer_id,
            memberships.currency,
            coalesce(sum(memberships.amount) filter (where {{ held_at('starts_at') }}), 0) as value_at_start,
            coalesce(sum(memberships.amount) filter (where {{ held_at('ends_at') }}), 0) as value_at_end,
            bool_or(bool_or({{ held_at('starts_at') }})) over customer as was_at_start,
            bool_or(bool_or({{ held_at('ends_at') }})) over customer as was_at_end,
            row_number() over (customer order by memberships.currency) = 1 as is_counted
        from months
        inner join possible_months as memberships
            on months.basis = memberships.basis
            and months.month = memberships.month
            and memberships.started_at < months.ends_at
            and (memberships.ended_at is null or memberships.ended_at >= months.starts_at)
        group by
            months.basis, months.month, months.is_complete, months.is_known, memberships.customer_id,
            memberships.currency
        window customer as (partition by months.basis, months.month, memberships.customer_id)

    )
{%- endmacro %}
