with responses as (

    select * from {{ ref('base_qualtrics__responses') }}

),

surveys as (

    select record_key as survey_id, payload ->> 'SurveyName' as survey_name
    from {{ source('qualtrics', 'surveys') }}
    where is_latest and not is_deleted

),

answers as (

    select
        responses.response_id,
        responses.survey_id,
        given.question_id,
        {{ clean_text('given.answer') }} as text
    from responses
    cross join lateral jsonb_each_text(responses.answers) as given (question_id, answer)
    where given.question_id ~ '^QID'

),

measured as (

    select *, {{ survey_metric('qualtrics', 'survey_id', 'question_id') }} as metric
    from answers

),

comments as (

    select response_id, string_agg(text, E'\n' order by question_id) as comment
    from answers
    where question_id ~ '_TEXT$' and text is not null
    group by response_id

),

final as (

    select
        'qualtrics' as source,
        'qualtrics:respondents:' || measured.response_id as profile_id,
        measured.response_id,
        measured.survey_id,
        surveys.survey_name,
        measured.question_id,
        measured.metric,
        {{ survey_scale('measured.metric') }} as scale,
        {{ survey_score('measured.metric', 'measured.text') }} as score,
        comments.comment,
        responses.conversation_id,
        responses.responded_at
    from measured
    inner join responses on measured.response_id = responses.response_id
    left join surveys on measured.survey_id = surveys.survey_id
    left join comments on measured.response_id = comments.response_id
    where measured.metric is not null

)

select * from final
