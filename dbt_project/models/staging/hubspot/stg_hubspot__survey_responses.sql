with feedback_submissions as (

    select * from {{ source('hubspot', 'feedback_submissions') }}
    where is_latest and not is_deleted

),

answers as (

    select
        feedback_submissions.record_key as response_id,
        coalesce({{ clean_text('properties.hs_survey_id') }}, 'unknown') as survey_id,
        {{ clean_text('properties.hs_survey_name') }} as survey_name,
        lower({{ clean_text('properties.hs_survey_type') }}) as metric,
        {{ try_numeric('properties.hs_value') }} as score,
        {{ clean_text('properties.hs_content') }} as comment,
        {{ clean_text('properties.hs_contact_id') }} as contact_id,
        {{ try_timestamp('coalesce(properties.hs_submission_timestamp, vendor."createdAt")') }} as responded_at
    from feedback_submissions
    cross join lateral jsonb_to_record({{ json_object('feedback_submissions.payload') }}) as vendor (
        properties jsonb, archived text, "createdAt" text
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.properties') }}) as properties (
        hs_survey_id text, hs_survey_name text, hs_survey_type text, hs_value text,
        hs_content text, hs_contact_id text, hs_submission_timestamp text
    )
    where not coalesce({{ try_boolean('vendor.archived') }}, false)

),

final as (

    select
        'hubspot' as source,
        'hubspot:contacts:' || answers.contact_id as profile_id,
        answers.response_id,
        answers.survey_id,
        answers.survey_name,
        'hs_value' as question_id,
        answers.metric,
        scales.scale,
        case when answers.score between scales.lowest and scales.highest then answers.score end as score,
        answers.comment,
        answers.responded_at
    from answers
    inner join (
        values ('nps', '0-10', 0, 10), ('csat', '1-5', 1, 5), ('ces', '1-7', 1, 7)
    ) as scales (metric, scale, lowest, highest)
        on answers.metric = scales.metric

)

{{ conform('survey_responses', 'final', absent=['conversation_id']) }}
