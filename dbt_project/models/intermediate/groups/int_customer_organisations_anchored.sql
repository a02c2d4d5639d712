{{ config(tags=['marts']) }}

with members as (

    select * from {{ source('identity', 'members') }}

),

ages as (

    select profile_key, min(anchor_order) as anchor_order
    from {{ ref('int_identifiers_normalised') }}
    group by profile_key

),

profiles as (

    select members.profile_id, members.profile_key, members.customer_id, ages.anchor_order
    from members
    inner join ages on members.profile_key = ages.profile_key

),

contacts as (

    select
        profiles.profile_key,
        contacts.company_domain,
        {{ organisation_name_key('contacts.company_name') }} as name_key
    from {{ ref('int_contacts_unioned') }} as contacts
    inner join profiles on contacts.profile_id = profiles.profile_id

),

companies as (

    select
        domain,
        {{ organisation_name_key('name') }} as name_key
    from {{ ref('stg_hubspot__companies') }}
    where domain not in (select shared.domain from {{ ref('identity_shared_domains') }} as shared)

),

name_domains as (

    select name_key, min(domain) as domain
    from companies
    where name_key is not null
    group by name_key
    having count(distinct domain) = 1

),

company_domains as (

    select domain from companies
    union
    select company_domain as domain from contacts
    where
        company_domain is not null
        and company_domain not in (select shared.domain from {{ ref('identity_shared_domains') }} as shared)

),

addresses as (

    select
        edges.profile_key,
        split_part(identifiers.normal_form, '@', 2) collate "default" as domain
    from {{ ref('int_identity_edges') }} as edges
    inner join {{ source('identity_dictionary', 'identifiers') }} as identifiers
        on edges.identifier_key = identifiers.identifier_key
    where edges.identifier_type = 'email'

),

offered as (

    select profile_key, 1 as place, company_domain as domain, null as name_key from contacts
    union all
    select contacts.profile_key, 2 as place, name_domains.domain, contacts.name_key
    from contacts
    left join name_domains on contacts.name_key = name_domains.name_key
    union all
    select profile_key, 3 as place, domain, null as name_key from addresses

),

keyed as (

    select
        profiles.customer_id,
        offered.place,
        profiles.anchor_order,
        coalesce('domain:' || company_domains.domain, 'name:' || offered.name_key) as organisation_key,
        coalesce('name:' || offered.name_key, 'domain:' || company_domains.domain) as offered_key
    from offered
    inner join profiles on offered.profile_key = profiles.profile_key
    left join company_domains on offered.domain = company_domains.domain
    where coalesce(company_domains.domain, offered.name_key) is not null

),

anchors as (

    select distinct on (organisation_key)
        organisation_key,
        'o_' || left(encode(sha256(convert_to(offered_key, 'UTF8')), 'hex'), 20) as organisation_id
    from keyed
    order by organisation_key, anchor_order, offered_key collate "C"

),

final as (

    select distinct on (keyed.customer_id)
        keyed.customer_id,
        anchors.organisation_id,
        keyed.organisation_key,
        nullif(split_part(keyed.organisation_key, 'domain:', 2), '') as domain
    from keyed
    inner join anchors on keyed.organisation_key = anchors.organisation_key
    order by
        keyed.customer_id,
        keyed.organisation_key like 'name:%',
        keyed.place,
        keyed.anchor_order desc,
        keyed.organisation_key collate "C"

)

select * from final
