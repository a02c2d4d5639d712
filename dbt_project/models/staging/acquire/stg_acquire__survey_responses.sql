with cases as (

    select
        record_key,
        payload,
        coalesce(payload #>> '{contact,id}', payload ->> 'contactId') as contact_id
    from {{ source('acquire', 'cases') }}
    where is_latest and not is_deleted

),

final as (

    select
        'acquire' as source,
        'acquire:contacts:' || cases.contact_id as profile_id,
        coalesce(vendor.id, cases.record_key) as response_id,
        'case_feedback' as survey_id,
        'Case feedback' as survey_name,
        'rating' as question_id,
        'csat' as metric,
        '1-5' as scale,
        {{ try_numeric('vendor.rating') }} as score,
        {{ clean_text('vendor.comment') }} as comment,
        cases.record_key as conversation_id,
        {{ try_timestamp('vendor.rated_at') }} as responded_at
    from cases
    cross join lateral jsonb_array_elements({{ json_array("cases.payload -> 'feedbacks'") }}) as listed (feedback)
    cross join lateral (
        select
            listed.feedback ->> 'id' as id,
            listed.feedback ->> 'rating' as rating,
            listed.feedback ->> 'comment' as comment,
            listed.feedback ->> 'dateCreated' as rated_at
    ) as vendor
    where {{ try_numeric('vendor.rating') }} between 1 and 5

)

select * from final
