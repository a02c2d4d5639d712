with users as (

    select * from {{ ref('base_zendesk__users') }}

),

final as (

    select
        'zendesk' as source,
        users.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        users.first_as_of
    from users
    cross join lateral (
        values
        ('zendesk_id', users.vendor_id, true),
        ('user_id', users.user_id, true),
        ('email', users.email, users.is_verified),
        ('phone', users.phone, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value is not null

)

select * from final
