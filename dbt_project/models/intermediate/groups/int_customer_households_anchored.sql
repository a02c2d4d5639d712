{{ config(tags=['marts']) }}

with members as (

    select * from {{ source('identity', 'members') }}

),

shared_phones as (

    select
        cut_edges.identifier_key,
        members.profile_id,
        members.customer_id
    from {{ source('identity_dictionary', 'cut_edges') }} as cut_edges
    inner join {{ source('identity_dictionary', 'identifiers') }} as identifiers
        on cut_edges.identifier_key = identifiers.identifier_key
    inner join members on cut_edges.profile_key = members.profile_key
    where cut_edges.reason = 'shared_by_several_people' and identifiers.identifier_type = 'phone'

),

ages as (

    select
        identifiers.profile_id,
        min(extract(epoch from identifiers.first_as_of)::bigint * 1000 + sources.rank) as anchor_order
    from {{ ref('int_identifiers_unioned') }} as identifiers
    inner join {{ source('identity_dictionary', 'sources') }} as sources
        on identifiers.source = sources.source
    where identifiers.profile_id in (select shared_phones.profile_id from shared_phones)
    group by identifiers.profile_id

),

fields as (

    select
        customer_id,
        lower(max(substring(value from '\S+$')) filter (where field = 'full_name')) as surname,
        lower(max(value) filter (where field = 'city')) as city
    from {{ ref('int_customer_fields_survived') }}
    where field in ('full_name', 'city')
    group by customer_id

),

sharing as (

    select
        shared_phones.identifier_key,
        shared_phones.customer_id,
        fields.surname,
        fields.city,
        (array_agg(shared_phones.profile_id order by ages.anchor_order, shared_phones.profile_id collate "C"))[1]
        as profile_id,
        min(ages.anchor_order) as anchor_order
    from shared_phones
    inner join ages on shared_phones.profile_id = ages.profile_id
    left join fields on shared_phones.customer_id = fields.customer_id
    group by shared_phones.identifier_key, shared_phones.customer_id, fields.surname, fields.city

),

counted as (

    select
        *,
        count(surname) over (partition by identifier_key, surname) as people_with_surname,
        count(city) over (partition by identifier_key, city) as people_in_city
    from sharing

),

related as (

    select * from counted
    where people_with_surname > 1 or people_in_city > 1

),

anchors as (

    select distinct on (identifier_key)
        identifier_key,
        anchor_order,
        'h_' || left(encode(sha256(convert_to(profile_id, 'UTF8')), 'hex'), 20) as household_id
    from related
    order by identifier_key, anchor_order, profile_id collate "C"

),

chosen as (

    select distinct on (related.customer_id)
        related.customer_id,
        anchors.household_id
    from related
    inner join anchors on related.identifier_key = anchors.identifier_key
    order by related.customer_id, anchors.anchor_order, anchors.household_id

),

final as (

    select
        chosen.*,
        count(*) over (partition by household_id) as household_size
    from chosen

)

select customer_id, household_id from final
where household_size > 1
