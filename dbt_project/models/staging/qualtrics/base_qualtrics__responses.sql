{{ config(materialized='ephemeral') }}

with responses as (

    select * from {{ source('qualtrics', 'responses') }}
    where is_latest and not is_deleted

),

final as (

    select
        responses.record_key as response_id,
        {{ clean_text('vendor.survey_id') }} as survey_id,
        {{ json_object('vendor."values"') }} as answers,
        coalesce(
            {{ clean_text("vendor.\"values\" ->> 'recipientEmail'") }},
            {{ clean_text("vendor.\"values\" ->> 'email'") }}
        ) as email,
        coalesce(
            {{ clean_text("vendor.\"values\" ->> 'user_id'") }},
            {{ clean_text("vendor.\"values\" ->> 'externalDataReference'") }}
        ) as user_id,
        {{ clean_text("vendor.\"values\" ->> 'recipientFirstName'") }} as first_name,
        {{ clean_text("vendor.\"values\" ->> 'recipientLastName'") }} as last_name,
        {{ clean_text("vendor.\"values\" ->> 'ticket_id'") }} as conversation_id,
        {{ try_timestamp("(vendor.\"values\" ->> 'recordedDate')") }} as responded_at,
        responses.first_as_of
    from responses
    cross join lateral jsonb_to_record({{ json_object('responses.payload') }}) as vendor (
        survey_id text, "values" jsonb
    )
    where
        coalesce({{ try_boolean("vendor.\"values\" ->> 'finished'") }}, true)
        and coalesce(vendor."values" ->> 'status', '0') not in ('1', '2', '8', '9', '12', '17')

)

select * from final
