{{ config(indexes=[{'columns': ['text_hash']}]) }}

with survey_responses as (

    select
        source,
        profile_id,
        response_id || ':' || question_id as object_id,
        metric as kind,
        responded_at as said_at,
        comment
    from {{ ref('int_survey_responses_unioned') }}
    where comment is not null

),

conversation_parts as (

    select
        source,
        profile_id,
        conversation_id || ':' || part_id as object_id,
        'conversation' as kind,
        created_at as said_at,
        body as comment
    from {{ ref('int_conversation_parts_unioned') }}
    where author = 'customer' and is_public and body is not null

),

everything as (

    select * from survey_responses
    union all
    select * from conversation_parts

),

final as (

    select *, sha256(convert_to(comment, 'UTF8')) as text_hash
    from everything

)

select * from final
