with satisfaction_ratings as (

    select * from {{ source('zendesk', 'satisfaction_ratings') }}
    where is_latest and not is_deleted

),

final as (

    select
        'zendesk' as source,
        'zendesk:users:' || vendor.requester_id as profile_id,
        satisfaction_ratings.record_key as response_id,
        'satisfaction_rating' as survey_id,
        'Satisfaction rating' as survey_name,
        'score' as question_id,
        'csat' as metric,
        'good_bad' as scale,
        case when vendor.score like 'good%' then 1 else 0 end::numeric as score,
        {{ clean_text('vendor.comment') }} as comment,
        vendor.ticket_id as conversation_id,
        {{ try_timestamp('coalesce(vendor.updated_at, vendor.created_at)') }} as responded_at
    from satisfaction_ratings
    cross join lateral jsonb_to_record({{ json_object('satisfaction_ratings.payload') }}) as vendor (
        requester_id text, score text, comment text, ticket_id text, created_at text, updated_at text
    )
    where vendor.score ~ '^(good|bad)(_|$)'

)

select * from final
