with consents as (

    select * from {{ ref('int_consents_resolved') }}

),

final as (

    select
        customer_id,
        channel,
        purpose,
        is_granted,
        changed_at,
        source,
        policy_version,
        event_id
    from consents

)

select * from final
