{{ config(materialized='ephemeral') }}

with responses as (

    select * from {{ source('typeform', 'responses') }}
    where is_latest and not is_deleted

),

final as (

    select
        coalesce({{ clean_text('vendor.token') }}, responses.record_key) as response_id,
        {{ clean_text('vendor.form_id') }} as survey_id,
        {{ clean_text("vendor.hidden ->> 'user_id'") }} as user_id,
        coalesce({{ clean_text("vendor.hidden ->> 'email'") }}, answered.email) as email,
        {{ clean_text("vendor.hidden ->> 'ticket_id'") }} as conversation_id,
        {{ json_array('vendor.answers') }} as answers,
        {{ try_timestamp('coalesce(vendor.submitted_at, vendor.landed_at)') }} as responded_at,
        responses.first_as_of
    from responses
    cross join lateral jsonb_to_record({{ json_object('responses.payload') }}) as vendor (
        token text, form_id text, hidden jsonb, answers jsonb, submitted_at text, landed_at text
    )
    cross join lateral (
        select min({{ clean_text("answer ->> 'email'") }}) as email
        from jsonb_array_elements({{ json_array('vendor.answers') }}) as answers (answer)
    ) as answered

)

select * from final
