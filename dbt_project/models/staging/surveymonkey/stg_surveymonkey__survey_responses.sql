with responses as (

    select * from {{ source('surveymonkey', 'responses') }}
    where is_latest and not is_deleted

),

surveys as (

    select record_key as survey_id, payload ->> 'title' as survey_name
    from {{ source('surveymonkey', 'surveys') }}
    where is_latest and not is_deleted

),

answers as (

    select
        responses.record_key as response_id,
        responses.payload ->> 'survey_id' as survey_id,
        asked.question ->> 'id' as question_id,
        coalesce({{ clean_text("given.answer ->> 'simple_text'") }}, {{ clean_text("given.answer ->> 'text'") }}) as text,
        given.answer ->> 'choice_id' is null as is_free_text
    from responses
    cross join lateral jsonb_array_elements({{ json_array("responses.payload -> 'pages'") }}) as pages (page)
    cross join lateral jsonb_array_elements({{ json_array("pages.page -> 'questions'") }}) as asked (question)
    cross join lateral jsonb_array_elements({{ json_array("asked.question -> 'answers'") }}) as given (answer)

),

measured as (

    select distinct on (response_id, question_id)
        *, {{ survey_metric('surveymonkey', 'survey_id', 'question_id') }} as metric
    from answers
    where not is_free_text
    order by response_id, question_id, text

),

comments as (

    select response_id, string_agg(text, E'\n' order by question_id) as comment
    from answers
    where is_free_text
    group by response_id

),

final as (

    select
        'surveymonkey' as source,
        'surveymonkey:respondents:' || measured.response_id as profile_id,
        measured.response_id,
        measured.survey_id,
        surveys.survey_name,
        measured.question_id,
        measured.metric,
        {{ survey_scale('measured.metric') }} as scale,
        {{ survey_score('measured.metric', 'measured.text') }} as score,
        comments.comment,
        {{ clean_text("responses.payload #>> '{custom_variables,ticket_id}'") }} as conversation_id,
        {{ try_timestamp("(responses.payload ->> 'date_modified')") }} as responded_at
    from measured
    inner join responses on measured.response_id = responses.record_key
    left join surveys on measured.survey_id = surveys.survey_id
    left join comments on measured.response_id = comments.response_id
    where measured.metric is not null

)

select * from final
