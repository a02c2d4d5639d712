with customers as (

    select * from {{ ref('int_customer_organisations_anchored') }}

),

companies as (

    select distinct on (domain)
        domain,
        name,
        country,
        industry,
        employees
    from {{ ref('int_companies_unioned') }}
    where domain is not null
    order by domain, updated_at desc nulls last, source, company_id

),

names as (

    select distinct on (customers.organisation_id)
        customers.organisation_id,
        fields.value as name
    from customers
    inner join {{ ref('int_customer_fields_survived') }} as fields
        on customers.customer_id = fields.customer_id and fields.field = 'company_name'
    group by customers.organisation_id, fields.value
    order by customers.organisation_id, count(*) desc, fields.value collate "C"

),

totals as (

    select
        customers.organisation_id,
        min(customers.domain) as domain,
        count(*)::integer as customers,
        sum(dim_customers.orders)::integer as orders,
        min(dim_customers.first_seen_at) as first_seen_at,
        max(dim_customers.last_seen_at) as last_seen_at
    from customers
    inner join {{ ref('dim_customers') }} as dim_customers
        on customers.customer_id = dim_customers.customer_id
    group by customers.organisation_id

),

final as (

    select
        totals.organisation_id,
        coalesce(companies.name, names.name, totals.domain) as name,
        totals.domain,
        companies.country,
        companies.industry,
        companies.employees,
        totals.customers,
        totals.orders,
        totals.first_seen_at,
        totals.last_seen_at
    from totals
    left join companies on totals.domain = companies.domain
    left join names on totals.organisation_id = names.organisation_id

)

select * from final
