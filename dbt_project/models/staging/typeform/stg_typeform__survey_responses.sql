with responses as (

    select * from {{ ref('base_typeform__responses') }}

),

forms as (

    select record_key as survey_id, payload ->> 'title' as survey_name
    from {{ source('typeform', 'forms') }}
    where is_latest and not is_deleted

),

answers as (

    select
        responses.response_id,
        responses.survey_id,
        coalesce(vendor.field ->> 'ref', vendor.field ->> 'id', 'unnamed') as question_id,
        vendor.type,
        {{ try_numeric('coalesce(vendor.number, vendor.choice ->> \'label\')') }} as number,
        {{ try_boolean('vendor.boolean') }} as flag,
        {{ clean_text('vendor.text') }} as text
    from responses
    cross join lateral jsonb_array_elements(responses.answers) as answers (answer)
    cross join lateral jsonb_to_record({{ json_object('answers.answer') }}) as vendor (
        type text, field jsonb, number text, boolean text, text text, choice jsonb
    )

),

measured as (

    select
        *,
        {{ survey_metric('typeform', 'survey_id', 'question_id') }} as metric
    from answers
    where type in ('number', 'choice', 'boolean')

),

scored as (

    select
        *,
        case
            when type = 'boolean' then 'good_bad'
            when metric = 'nps' then '0-10'
            when metric = 'csat' then '1-5'
            when metric = 'ces' then '1-7'
        end as scale
    from measured
    where metric is not null

),

comments as (

    select response_id, string_agg(text, E'\n' order by question_id) as comment
    from answers
    where type = 'text'
    group by response_id

),

final as (

    select distinct on (responses.response_id, scored.question_id)
        'typeform' as source,
        'typeform:respondents:' || responses.response_id as profile_id,
        responses.response_id,
        responses.survey_id,
        forms.survey_name,
        scored.question_id,
        scored.metric,
        scored.scale,
        case
            when scored.scale = 'good_bad' then scored.flag::integer::numeric
            when scored.scale = '0-10' and scored.number between 0 and 10 then scored.number
            when scored.scale = '1-5' and scored.number between 1 and 5 then scored.number
            when scored.scale = '1-7' and scored.number between 1 and 7 then scored.number
        end as score,
        comments.comment,
        responses.conversation_id,
        responses.responded_at
    from scored
    inner join responses on scored.response_id = responses.response_id
    left join forms on responses.survey_id = forms.survey_id
    left join comments on scored.response_id = comments.response_id
    order by responses.response_id, scored.question_id, scored.number desc nulls last

)

select * from final
