with respondents as (

    select
        'surveymonkey:respondents:' || record_key as profile_id,
        {{ clean_text("payload #>> '{custom_variables,user_id}'") }} as user_id,
        {{ clean_text("coalesce(nullif(payload ->> 'email_address', ''), payload #>> '{metadata,contact,email,value}')") }} as email,
        first_as_of
    from {{ source('surveymonkey', 'responses') }}
    where is_latest and not is_deleted

),

final as (

    {{ identifiers('surveymonkey', 'respondents', [
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
    ]) }}

)

select * from final
