with conversations as (

    select * from {{ source('intercom', 'conversations') }}
    where is_latest and not is_deleted

),

final as (

    select
        'intercom' as source,
        'intercom:contacts:' || (conversations.payload #>> '{contacts,contacts,0,id}') as profile_id,
        conversations.record_key as response_id,
        'conversation_rating' as survey_id,
        'Conversation rating' as survey_name,
        'rating' as question_id,
        'csat' as metric,
        '1-5' as scale,
        {{ try_numeric('vendor.rating') }} as score,
        {{ clean_text('vendor.remark') }} as comment,
        conversations.record_key as conversation_id,
        {{ try_formatted_timestamp('coalesce(vendor.updated_at, vendor.created_at)', 'epoch_s') }} as responded_at
    from conversations
    cross join lateral jsonb_to_record({{ json_object("conversations.payload -> 'conversation_rating'") }}) as vendor (
        rating text, remark text, created_at text, updated_at text
    )
    where {{ try_numeric('vendor.rating') }} between 1 and 5

)

select * from final
