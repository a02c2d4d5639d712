with users as (

    select * from {{ ref('base_zendesk__users') }}

),

final as (

    {{ identifiers('zendesk', 'users', [
        ['zendesk_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'is_verified'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
