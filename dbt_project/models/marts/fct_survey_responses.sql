with survey_responses as (

    select * from {{ ref('int_survey_responses_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

final as (

    select
        survey_responses.source,
        survey_responses.response_id,
        survey_responses.question_id,
        members.customer_id,
        survey_responses.survey_id,
        survey_responses.survey_name,
        survey_responses.metric,
        survey_responses.scale,
        survey_responses.score,
        {{ score_group('survey_responses.scale', 'survey_responses.score') }} as score_group,
        survey_responses.comment is not null as has_comment,
        survey_responses.conversation_id,
        survey_responses.responded_at
    from survey_responses
    left join members on survey_responses.profile_id = members.profile_id

)

select * from final
