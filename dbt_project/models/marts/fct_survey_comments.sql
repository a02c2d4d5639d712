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
        survey_responses.metric,
        survey_responses.score,
        survey_responses.responded_at,
        survey_responses.comment
    from survey_responses
    left join members on survey_responses.profile_id = members.profile_id
    where survey_responses.comment is not null

)

select * from final
