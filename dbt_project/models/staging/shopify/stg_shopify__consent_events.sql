with contacts as (

    select * from {{ ref('base_shopify__customers') }}

),

final as (

    select
        'shopify' as source,
        profile_id,
        vendor_id || ':email_marketing' as event_id,
        'email' as channel,
        'marketing' as purpose,
        case marketing_state when 'subscribed' then 'granted' else 'withdrawn' end as status,
        coalesce(marketing_updated_at, updated_at) as occurred_at
    from contacts
    where marketing_state in ('subscribed', 'unsubscribed', 'redacted', 'invalid')

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}
