with respondents as (

    select
        'typeform:respondents:' || response_id as profile_id,
        response_id,
        user_id,
        email,
        first_as_of
    from {{ ref('base_typeform__responses') }}

),

final as (

    {{ identifiers('typeform', 'respondents', [
        ['typeform_id', 'response_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
    ]) }}

)

select * from final
