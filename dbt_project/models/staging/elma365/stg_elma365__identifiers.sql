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

    {{ identifiers('elma365', 'everybody', [
        ['elma365_id', 'elma365_id', 'true'],
        ['user_id', clean_text("meant ->> 'user_id'"), 'true'],
    ], many=[
        ['email', 'jsonb_array_elements_text(' ~ json_array("meant -> 'emails'") ~ ')', 'false'],
        ['phone', 'jsonb_array_elements_text(' ~ json_array("meant -> 'phones'") ~ ')', 'false'],
    ]) }}

)

select * from final
