with satisfaction_ratings as (

    select * from {{ source('zendesk', 'satisfaction_ratings') }}
    where is_latest and not is_deleted

),

final as (

    select
        'zendesk' as source,
        'zendesk:users:' || vendor.requester_id as profile_id,
        satisfaction_ratings.record_key as invitation_id,
        'csat' as metric,
        'good_bad' as scale,
        vendor.ticket_id as conversation_id,
        {{ try_timestamp('vendor.created_at') }} as invited_at,
        vendor.score <> 'offered' as is_answered
    from satisfaction_ratings
    cross join lateral jsonb_to_record({{ json_object('satisfaction_ratings.payload') }}) as vendor (
        requester_id text, score text, ticket_id text, created_at text
    )
    where vendor.score ~ '^(offered|good|bad)(_|$)'

)

select * from final
