with contacts as (

    select * from {{ ref('base_hubspot__contacts') }}

),

final as (

    {{ identifiers('hubspot', 'contacts', [
        ['hubspot_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
        ['phone', 'mobile_phone', 'false'],
    ], many=[
        ['hubspot_id', "regexp_split_to_table(merged_ids, '\\s*;\\s*')", 'true'],
        ['email', "regexp_split_to_table(additional_emails, '\\s*;\\s*')", 'false'],
    ]) }}

)

select * from final
