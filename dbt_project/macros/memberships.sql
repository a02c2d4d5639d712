{# Who is a customer from when to when: by subscription, and by an order younger than the declared
   days. Ends are exclusive, so that the end of one period is the start of the next. #}
{% macro memberships() -%}
    select
        'contractual' as basis,
        customer_id,
        started_at,
        ended_at
    from {{ ref('fct_subscriptions') }}
    where
        customer_id is not null and status <> 'trialing'
        and started_at is not null and started_at <= {{ as_of() }}
    union all
    select
        'non_contractual' as basis,
        customer_id,
        ordered_at as started_at,
        ordered_at + interval '{{ var("inactivity_days") }} days' as ended_at
    from {{ ref('fct_orders') }}
    where customer_id is not null and status = 'paid' and {{ is_reportable('ordered_at') }}
{%- endmacro %}

{% macro held_at(moment) -%}
    (started_at < {{ moment }} and (ended_at is null or ended_at >= {{ moment }}))
{%- endmacro %}
