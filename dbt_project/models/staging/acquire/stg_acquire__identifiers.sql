with contacts as (

    select
        'acquire:contacts:' || record_key as profile_id,
        record_key as acquire_id,
        {{ clean_text("payload #>> '{fields,email}'") }} as email,
        {{ clean_text("payload #>> '{fields,phone}'") }} as phone,
        first_as_of
    from {{ source('acquire', 'contacts') }}
    where is_latest and not is_deleted

),

final as (

    {{ identifiers('acquire', 'contacts', [
        ['acquire_id', 'acquire_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final
