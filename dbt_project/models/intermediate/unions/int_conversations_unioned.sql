with conversations as (

    {{ union_of('conversations') }}

),

named as (

    select
        *,
        {{ conversation_channel('channel') }} as channel_name,
        status in ('solved', 'closed') as is_resolved
    from conversations

),

timed as (

    select
        *,
        case
            when first_replied_at is null then {{ minutes_after('created_at', 'first_reply_minutes') }}
            else {{ bounded_time('first_replied_at') }}
        end as replied_at,
        coalesce(
            case when first_reply_minutes >= 0 then first_reply_minutes end,
            {{ minutes_between('created_at', 'first_replied_at') }}
        ) as reply_minutes,
        coalesce(
            solved_at, case when is_resolved then {{ minutes_after('created_at', 'full_resolution_minutes') }} end
        ) as resolved_at,
        coalesce(
            case when full_resolution_minutes >= 0 then full_resolution_minutes end,
            case when is_resolved then {{ minutes_between('created_at', 'solved_at') }} end
        ) as resolution_minutes
    from named

),

final as (

    select
        {%- set completed = {
            'channel': 'channel_name', 'first_replied_at': 'replied_at', 'solved_at': 'resolved_at',
            'first_reply_minutes': 'reply_minutes', 'full_resolution_minutes': 'resolution_minutes',
        } %}
        {%- for name in canonical_columns('conversations') %}
        {{ completed.get(name, name) }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from timed

)

select * from final
