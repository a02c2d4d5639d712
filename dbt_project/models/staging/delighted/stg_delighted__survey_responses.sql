with responses as (

    select * from {{ source('delighted', 'survey_responses') }}
    where is_latest and not is_deleted

),

measured as (

    select
        responses.record_key as response_id,
        coalesce(vendor.person ->> 'id', vendor.person #>> '{}') as person_id,
        vendor.survey_type,
        vendor.score,
        vendor.comment,
        vendor.person_properties,
        vendor.created_at,
        coalesce(
            {{ survey_metric('delighted', 'vendor.survey_type', "'score'") }},
            case vendor.survey_type when 'nps' then 'nps' when 'csat' then 'csat' when 'ces7' then 'ces' end
        ) as metric
    from responses
    cross join lateral jsonb_to_record({{ json_object('responses.payload') }}) as vendor (
        person jsonb, survey_type text, score text, comment text, person_properties jsonb, created_at text
    )

),

final as (

    select
        'delighted' as source,
        'delighted:people:' || person_id as profile_id,
        response_id,
        survey_type as survey_id,
        survey_type as survey_name,
        'score' as question_id,
        metric,
        {{ survey_scale('metric') }} as scale,
        {{ survey_score('metric', 'score') }} as score,
        {{ clean_text('comment') }} as comment,
        {{ clean_text("person_properties ->> 'ticket_id'") }} as conversation_id,
        {{ try_formatted_timestamp('created_at', 'epoch_s') }} as responded_at
    from measured
    where metric is not null

)

select * from final
