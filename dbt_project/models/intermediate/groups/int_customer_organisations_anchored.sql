{{ config(tags=['marts']) }}

with members as (

    select * from {{ source('identity', 'members') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_unioned') }}

),

contacts as (

    select
        profile_id,
        company_domain,
        {{ organisation_name_key('company_name') }} as name_key
    from {{ ref('int_contacts_unioned') }}

),

companies as (

    select
        domain,
        {{ organisation_name_key('name') }} as name_key
    from {{ ref('int_companies_unioned') }}
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
        identifiers.profile_id,
        split_part(normal_forms.normal_form, '@', 2) collate "default" as domain
    from identifiers
    inner join {{ source('identity_dictionary', 'normal_forms') }} as normal_forms
        on
            identifiers.identifier_type = normal_forms.identifier_type
            and identifiers.identifier_value = normal_forms.raw_value
    where identifiers.identifier_type = 'email' and normal_forms.problem is null

),

offered as (

    select profile_id, 1 as place, company_domain as domain, null as name_key from contacts
    union all
    select contacts.profile_id, 2 as place, name_domains.domain, contacts.name_key
    from contacts
    left join name_domains on contacts.name_key = name_domains.name_key
    union all
    select profile_id, 3 as place, domain, null as name_key from addresses

),

known as (

    select
        offered.profile_id,
        offered.place,
        company_domains.domain,
        offered.name_key
    from offered
    left join company_domains on offered.domain = company_domains.domain
    where coalesce(company_domains.domain, offered.name_key) is not null

),

ages as (

    select
        identifiers.profile_id,
        min(extract(epoch from identifiers.first_as_of)::bigint * 1000 + sources.rank) as anchor_order
    from identifiers
    inner join {{ source('identity_dictionary', 'sources') }} as sources
        on identifiers.source = sources.source
    where identifiers.profile_id in (select known.profile_id from known)
    group by identifiers.profile_id

),

keyed as (

    select
        members.customer_id,
        known.place,
        ages.anchor_order,
        coalesce('domain:' || known.domain, 'name:' || known.name_key) as organisation_key,
        coalesce('name:' || known.name_key, 'domain:' || known.domain) as offered_key
    from known
    inner join members on known.profile_id = members.profile_id
    inner join ages on known.profile_id = ages.profile_id

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
