with contacts as (

    select
        record_key,
        {{ json_object("payload -> 'fields'") }} as known,
        first_as_of
    from {{ source('acquire', 'contacts') }}
    where is_latest and not is_deleted

),

final as (

    select
        'acquire' as source,
        'acquire:contacts:' || contacts.record_key as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        contacts.first_as_of
    from contacts
    cross join lateral (
        values
        ('acquire_id', contacts.record_key, true),
        ('email', {{ clean_text("contacts.known ->> 'email'") }}, false),
        ('phone', {{ clean_text("contacts.known ->> 'phone'") }}, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value is not null

)

select * from final
