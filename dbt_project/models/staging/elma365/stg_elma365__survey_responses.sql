with requests as (

    select
        record_key,
        payload,
        {{ json_object("payload -> 'rapport'") }} as meant
    from {{ source('elma365', 'requests') }}
    where is_latest and not is_deleted and payload ->> '__deletedAt' is null

),

final as (

    select
        'elma365' as source,
        coalesce(
            'elma365:contacts:' || (meant #>> '{contacts,0}'),
            'elma365:requests:' || record_key
        ) as profile_id,
        record_key as response_id,
        'request_rating' as survey_id,
        'Request rating' as survey_name,
        'rating' as question_id,
        'csat' as metric,
        '1-5' as scale,
        {{ try_numeric("meant ->> 'rating'") }} as score,
        record_key as conversation_id,
        {{ try_timestamp("payload ->> '__updatedAt'") }} as responded_at
    from requests
    where {{ try_numeric("meant ->> 'rating'") }} between 1 and 5

)

{{ conform('survey_responses', 'final', absent=['comment']) }}
