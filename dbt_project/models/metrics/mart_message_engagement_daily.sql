{%- set outcomes = ['delivered', 'opened', 'clicked', 'bounced', 'complained', 'unsubscribed'] %}

with message_events as (

    select * from {{ ref('int_message_events_unioned') }}
    where {{ is_reportable('occurred_at') }}

),

messages as (

    select
        source,
        channel,
        coalesce(max(campaign), '(none)') as campaign,
        {{ local_date('min(occurred_at)') }} as sent_date,
        {%- for outcome in outcomes %}
        bool_or(event_type = '{{ outcome }}') as is_{{ outcome }}{{ ',' if not loop.last }}
        {%- endfor %}
    from message_events
    group by source, channel, coalesce(message_id, campaign, event_id), profile_id

),

counted as (

    select
        sent_date,
        source,
        coalesce(channel, 'unknown') as channel,
        campaign,
        count(*)::integer as messages,
        {%- for outcome in outcomes %}
        (count(*) filter (where is_{{ outcome }}))::integer as {{ outcome }}{{ ',' if not loop.last }}
        {%- endfor %}
    from messages
    group by sent_date, source, coalesce(channel, 'unknown'), campaign

),

final as (

    select
        *,
        {{ share('delivered', 'messages') }} as delivery_rate,
        {{ share('opened', 'delivered') }} as open_rate,
        {{ share('clicked', 'delivered') }} as click_rate,
        {{ share('unsubscribed', 'delivered') }} as unsubscribe_rate
    from counted

)

select * from final
