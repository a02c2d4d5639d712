with people as (

    select * from {{ ref('base_salesforce__people') }}

),

final as (

    select
        'salesforce' as source,
        people.profile_id,
        people.vendor_id || ':HasOptedOutOfEmail:' || purposes.purpose as event_id,
        'email' as channel,
        purposes.purpose,
        'withdrawn' as status,
        people.updated_at as occurred_at
    from people
    cross join (values ('marketing'), ('feedback')) as purposes (purpose)
    where people.has_opted_out_of_email

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}
