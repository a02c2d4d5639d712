with people as (

    select * from {{ ref('base_zoho__people') }}

),

final as (

    select
        'zoho' as source,
        people.profile_id,
        people.vendor_id || ':Email_Opt_Out:' || purposes.purpose as event_id,
        'email' as channel,
        purposes.purpose,
        'withdrawn' as status,
        coalesce(people.opted_out_at, people.updated_at) as occurred_at
    from people
    cross join (values ('marketing'), ('feedback')) as purposes (purpose)
    where people.has_opted_out_of_email

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}
