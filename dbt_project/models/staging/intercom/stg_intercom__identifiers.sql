with contacts as (

    select * from {{ ref('base_intercom__contacts') }}

),

final as (

    {{ identifiers('intercom', 'contacts', [
        ['intercom_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
