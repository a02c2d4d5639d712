with contacts as (

    select * from {{ ref('base_hubspot__contacts') }}

),

final as (

    select
        'hubspot' as source,
        contacts.profile_id,
        contacts.vendor_id || ':hs_email_optout:' || purposes.purpose as event_id,
        'email' as channel,
        purposes.purpose,
        'withdrawn' as status,
        contacts.updated_at as occurred_at
    from contacts
    cross join (values ('marketing'), ('feedback')) as purposes (purpose)
    where contacts.has_opted_out_of_email

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}
