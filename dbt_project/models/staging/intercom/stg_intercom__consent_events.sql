with contacts as (

    select * from {{ ref('base_intercom__contacts') }}

),

final as (

    select
        'intercom' as source,
        contacts.profile_id,
        contacts.vendor_id || ':unsubscribed_from_emails:' || purposes.purpose as event_id,
        'email' as channel,
        purposes.purpose,
        'withdrawn' as status,
        contacts.updated_at as occurred_at
    from contacts
    cross join (values ('marketing'), ('feedback')) as purposes (purpose)
    where contacts.is_unsubscribed

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}
