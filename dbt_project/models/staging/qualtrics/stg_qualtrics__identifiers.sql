with respondents as (

    select
        'qualtrics:respondents:' || response_id as profile_id,
        response_id,
        user_id,
        email,
        first_as_of
    from {{ ref('base_qualtrics__responses') }}

),

final as (

    {{ identifiers('qualtrics', 'respondents', [
        ['qualtrics_id', 'response_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
    ]) }}

)

select * from final
