{{
    config(
        pre_hook=[
            "{{ no_nested_loops() }}",
            "{{ remember_refusals(ref('int_consents_heard')) }}",
        ]
    )
}}

with refusals as (

    select * from {{ source('identity', 'refusals') }}

),

aliases as (

    select * from {{ source('identity', 'aliases') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

offered as (

    select source, profile_id, identifier_type, identifier_value
    from {{ ref('int_identifiers_unioned') }}
    where identifier_type in ('email', 'phone', 'user_id')

),

sources as (

    select * from {{ source('identity_dictionary', 'sources') }}

),

normal_forms as (

    select * from {{ source('identity_dictionary', 'normal_forms') }}

),

rules as (

    select * from {{ source('identity_dictionary', 'rules') }}

),

hubs as (

    select * from {{ source('identity_dictionary', 'capped') }}

),

refused_addresses as (

    select distinct unnest(identifier_keys) as identifier_key from refusals

),

owners as (

    select distinct
        members.customer_id,
        normal_forms.identifier_key,
        case normal_forms.identifier_type when 'email' then 'email' when 'phone' then 'sms' else 'push' end as channel,
        normal_forms.problem is null and hubs.identifier_key is null and not rules.is_weak as is_personal
    from refused_addresses
    inner join normal_forms on refused_addresses.identifier_key = normal_forms.identifier_key
    inner join rules on normal_forms.identifier_type = rules.identifier_type
    left join hubs on normal_forms.identifier_key = hubs.identifier_key
    inner join offered
        on
            normal_forms.identifier_type = offered.identifier_type
            and normal_forms.raw_value = offered.identifier_value
    inner join sources
        on
            offered.source = sources.source
            and normal_forms.region = case when offered.identifier_type = 'phone' then sources.region else '' end
    inner join members on offered.profile_id = members.profile_id

),

by_customer as (

    select
        coalesce(aliases.customer_id, refusals.customer_id) as applies_to,
        refusals.*
    from refusals
    left join aliases on refusals.customer_id = aliases.alias_id

),

by_address as (

    select
        owners.customer_id as applies_to,
        refusals.*
    from refusals
    cross join lateral unnest(refusals.identifier_keys) as refused (identifier_key)
    inner join owners
        on
            refused.identifier_key = owners.identifier_key
            and (owners.channel = refusals.channel or (refusals.gone_after is not null and owners.is_personal))

),

applied as (

    select * from by_customer
    union all
    select * from by_address

),

final as (

    select distinct on (applied.applies_to, applied.source, applied.profile_id, applied.channel, applied.purpose)
        applied.applies_to as customer_id,
        applied.source,
        applied.profile_id,
        applied.event_id,
        applied.channel,
        applied.purpose,
        coalesce(applied.occurred_at, applied.first_as_of) as occurred_at,
        applied.policy_version
    from applied
    where applied.applies_to in (select members.customer_id from members)
    order by
        applied.applies_to,
        applied.source,
        applied.profile_id,
        applied.channel,
        applied.purpose,
        applied.occurred_at desc nulls first

)

select * from final
