with responses as (

    select * from {{ ref('base_qualtrics__responses') }}

),

final as (

    select
        'qualtrics' as source,
        'qualtrics:respondents:' || responses.response_id as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        responses.first_as_of
    from responses
    cross join lateral (
        values
        ('qualtrics_id', responses.response_id, true),
        ('user_id', responses.user_id, true),
        ('email', responses.email, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value is not null

)

select * from final
