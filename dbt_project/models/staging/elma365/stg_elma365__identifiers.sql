with contacts as (

    select
        'elma365:contacts:' || record_key as profile_id,
        record_key as elma365_id,
        {{ json_object("payload -> 'rapport'") }} as meant,
        first_as_of
    from {{ source('elma365', 'contacts') }}
    where is_latest and not is_deleted and payload ->> '__deletedAt' is null

),

strangers as (

    select
        'elma365:requests:' || record_key as profile_id,
        null::text as elma365_id,
        {{ json_object("payload -> 'rapport'") }} as meant,
        first_as_of
    from {{ source('elma365', 'requests') }}
    where
        is_latest and not is_deleted and payload ->> '__deletedAt' is null
        and payload #>> '{rapport,contacts,0}' is null

),

everybody as (

    select * from contacts
    union all
    select * from strangers

),

final as (

    select distinct
        'elma365' as source,
        everybody.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        everybody.first_as_of
    from everybody
    cross join lateral (
        select 'elma365_id', everybody.elma365_id, true
        union all
        select 'user_id', {{ clean_text("everybody.meant ->> 'user_id'") }}, true
        union all
        select 'email', emails.value, false
        from jsonb_array_elements_text({{ json_array("everybody.meant -> 'emails'") }}) as emails (value)
        union all
        select 'phone', phones.value, false
        from jsonb_array_elements_text({{ json_array("everybody.meant -> 'phones'") }}) as phones (value)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value <> ''

)

select * from final
