with people as (

    select * from {{ ref('base_zoho__people') }}

),

final as (

    {{ identifiers('zoho', 'people', [
        ['zoho_id', 'vendor_id', 'true'],
        ['zoho_id', 'became_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['email', 'other_email', 'false'],
        ['phone', 'phone', 'false'],
        ['phone', 'mobile_phone', 'false'],
    ]) }}

)

select * from final
