{%- set first_ones = ['landing_path'] %}
{%- set origin = ['referrer', 'utm_source', 'utm_medium', 'utm_campaign'] %}
{%- set counts = [
    'events', 'page_views', 'product_views', 'cart_adds', 'checkouts', 'purchases', 'plan_upgrades'
] %}
{%- set lists = {'paths': false, 'product_ids': true, 'categories': true} %}

with members as (

    select * from {{ source('identity', 'members') }}

),

sessions as (

    select
        sessions.*,
        members.customer_id,
        max(sessions.ended_at) over (
            partition by sessions.source, members.customer_id
            order by sessions.started_at, sessions.session_id
            rows between unbounded preceding and 1 preceding
        ) as seen_until
    from {{ ref('int_web_events_sessionised') }} as sessions
    left join members on sessions.profile_id = members.profile_id

),

numbered as (

    select
        *,
        case
            when customer_id is null then session_id
            else (count(*) filter (where seen_until is null or started_at - seen_until > interval '30 minutes') over (
                partition by source, customer_id order by started_at, session_id
            ))::text
        end as visit_number
    from sessions

),

counted as (

    select *, count(*) over (partition by source, customer_id, visit_number) as parts
    from numbered

),

parted as (

    select
        *,
        coalesce({{ origin | join(', ') }}) is not null as has_origin
    from counted
    where parts > 1

),

{%- for list, is_set in lists.items() %}

joined_{{ list }} as (

    select
        parted.source,
        parted.customer_id,
        parted.visit_number,
        array_agg({{ 'distinct item' if is_set else 'item order by parted.started_at, parted.session_id, place' }}) as {{ list }}
    from parted
    cross join lateral unnest(parted.{{ list }}) with ordinality as items (item, place)
    group by parted.source, parted.customer_id, parted.visit_number

),
{%- endfor %}

joined as (

    select
        source,
        customer_id,
        visit_number,
        (array_agg(session_id order by started_at, session_id))[1] as session_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        bool_or(is_visit) as is_visit,
        {%- for column in counts %}
        sum({{ column }})::integer as {{ column }},
        {%- endfor %}
        {%- for column in first_ones %}
        (array_agg({{ column }} order by started_at, session_id) filter (where {{ column }} is not null))[1] as {{ column }},
        {%- endfor %}
        {%- for column in origin %}
        (array_agg({{ column }} order by started_at, session_id) filter (where has_origin))[1] as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from parted
    group by source, customer_id, visit_number

),

visits as (

    select
        session_id, source, customer_id, started_at, ended_at, is_visit,
        {{ (counts + first_ones + origin) | join(', ') }}, {{ lists | join(', ') }}
    from counted
    where parts = 1
    union all
    select
        joined.session_id, joined.source, joined.customer_id, joined.started_at, joined.ended_at, joined.is_visit,
        {% for column in counts + first_ones + origin %}joined.{{ column }}, {% endfor -%}
        {%- for list in lists %}
        coalesce(joined_{{ list }}.{{ list }}, '{}') as {{ list }}{{ ',' if not loop.last }}
        {%- endfor %}
    from joined
    {%- for list in lists %}
    left join joined_{{ list }} using (source, customer_id, visit_number)
    {%- endfor %}

),

final as (

    select
        session_id,
        customer_id,
        source,
        started_at,
        ended_at,
        {%- for column in counts + first_ones + origin %}
        {{ column }},
        {%- endfor %}
        {%- for list in lists %}
        {{ list }},
        {%- endfor %}
        {{ session_channel('utm_source', 'utm_medium', 'referrer') }} as channel
    from visits
    where is_visit

)

select * from final
