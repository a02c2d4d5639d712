with responses as (

    select * from {{ source('surveymonkey', 'responses') }}
    where is_latest and not is_deleted

),

final as (

    select
        'surveymonkey' as source,
        'surveymonkey:respondents:' || responses.record_key as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        responses.first_as_of
    from responses
    cross join lateral (
        values
        ('user_id', {{ clean_text("responses.payload #>> '{custom_variables,user_id}'") }}, true),
        ('email', {{ clean_text("coalesce(nullif(responses.payload ->> 'email_address', ''), responses.payload #>> '{metadata,contact,email,value}')") }}, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value is not null

)

select * from final
