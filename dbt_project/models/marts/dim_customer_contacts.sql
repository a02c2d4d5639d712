{%- set fields = [
    'full_name', 'first_name', 'last_name', 'email', 'phone', 'user_id', 'birth_date', 'street', 'postal_code',
    'region',
] %}

with members as (

    select * from {{ source('identity', 'members') }}

),

golden_fields as (

    select * from {{ ref('int_customer_fields_survived') }}

),

customers as (

    select distinct customer_id from members

),

final as (

    select
        customers.customer_id,
        {%- for field in fields %}
        (max(golden_fields.value) filter (where golden_fields.field = '{{ field }}'))
        {{- '::date' if field == 'birth_date' }} as {{ field }},
        max(golden_fields.source) filter (where golden_fields.field = '{{ field }}') as {{ field }}_source,
        max(golden_fields.as_of) filter (where golden_fields.field = '{{ field }}') as {{ field }}_as_of
        {{- ',' if not loop.last }}
        {%- endfor %}
    from customers
    left join golden_fields on customers.customer_id = golden_fields.customer_id
    group by customers.customer_id

)

select * from final
