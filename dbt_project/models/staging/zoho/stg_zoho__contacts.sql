with people as (

    select * from {{ ref('base_zoho__people') }}

),

companies as (

    select * from {{ ref('stg_zoho__companies') }}

),

final as (

    select
        'zoho' as source,
        people.profile_id,
        people.vendor_id,
        people.email,
        array_remove(array[people.other_email], null) as additional_emails,
        coalesce(people.phone, people.mobile_phone) as phone,
        case when people.phone <> people.mobile_phone then array[people.mobile_phone] else '{}' end
            as additional_phones,
        people.user_id,
        {{ clean_text("concat_ws(' ', people.first_name, people.last_name)") }} as full_name,
        people.first_name,
        people.last_name,
        people.birth_date,
        people.street,
        people.postal_code,
        people.city,
        people.region,
        people.country,
        coalesce(companies.name, people.company_name) as company_name,
        coalesce(companies.domain, {{ domain_of('people.website') }}) as company_domain,
        people.job_title,
        case people.stream when 'leads' then 'lead' end as lifecycle_stage,
        people.created_at,
        people.updated_at
    from people
    left join companies on people.account_id = companies.company_id
    where not people.is_converted

)

{{ conform('contacts', 'final', absent=['language']) }}
