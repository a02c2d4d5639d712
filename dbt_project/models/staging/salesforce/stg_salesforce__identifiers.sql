with people as (

    select * from {{ ref('base_salesforce__people') }}

),

final as (

    {{ identifiers('salesforce', 'people', [
        ['salesforce_id', 'vendor_id', 'true'],
        ['salesforce_id', 'became_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
        ['phone', 'mobile_phone', 'false'],
    ]) }}

)

select * from final
