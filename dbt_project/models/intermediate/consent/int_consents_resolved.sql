with heard as (

    select * from {{ ref('int_consents_heard') }}

),

refusals as (

    select * from {{ ref('int_refusals_applied') }}

),

words as (

    select
        customer_id,
        source,
        profile_id,
        event_id,
        channel,
        purpose,
        is_granted,
        occurred_at,
        policy_version,
        true as is_said_today
    from heard
    union all
    select
        customer_id,
        source,
        profile_id,
        event_id,
        channel,
        purpose,
        false as is_granted,
        occurred_at,
        policy_version,
        false as is_said_today
    from refusals

),

last_word_of_each_profile as (

    select distinct on (customer_id, source, profile_id, channel, purpose) *
    from words
    order by
        customer_id,
        source,
        profile_id,
        channel,
        purpose,
        occurred_at desc nulls first,
        is_granted,
        is_said_today desc,
        event_id

),

newest_yes as (

    select
        customer_id,
        channel,
        purpose,
        max(occurred_at) as occurred_at
    from last_word_of_each_profile
    where is_granted
    group by customer_id, channel, purpose

),

standing as (

    select words.*
    from last_word_of_each_profile as words
    left join newest_yes using (customer_id, channel, purpose)
    where
        words.is_granted
        or words.is_said_today
        or newest_yes.occurred_at is null
        or newest_yes.occurred_at <= words.occurred_at

),

final as (

    select distinct on (customer_id, channel, purpose)
        customer_id,
        channel,
        purpose,
        is_granted,
        occurred_at as changed_at,
        source,
        policy_version,
        event_id
    from standing
    order by customer_id, channel, purpose, is_granted, occurred_at desc nulls last, source, event_id

)

select * from final
