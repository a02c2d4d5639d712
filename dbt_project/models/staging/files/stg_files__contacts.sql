{%- for dataset in datasets_of('contacts') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_profile_key(dataset) }} as vendor_id,
    {{ file_column(dataset, 'email') }} as email,
    {{ file_column(dataset, 'additional_emails', 'text[]', is_derived=true) }} as additional_emails,
    {{ file_column(dataset, 'phone') }} as phone,
    {{ file_column(dataset, 'additional_phones', 'text[]', is_derived=true) }} as additional_phones,
    {{ file_column(dataset, 'user_id') }} as user_id,
    coalesce(
        {{ file_column(dataset, 'full_name') }},
        {{ clean_text("concat_ws(' ', " ~ file_column(dataset, 'first_name') ~ ", " ~ file_column(dataset, 'last_name') ~ ")") }}
    ) as full_name,
    {{ file_column(dataset, 'first_name') }} as first_name,
    {{ file_column(dataset, 'last_name') }} as last_name,
    {{ try_birth_date(file_column(dataset, 'birth_date')) }} as birth_date,
    {{ file_column(dataset, 'street') }} || coalesce(' ' || {{ file_column(dataset, 'house_number') }}, '') as street,
    {{ file_column(dataset, 'postal_code') }} as postal_code,
    {{ file_column(dataset, 'city') }} as city,
    {{ file_column(dataset, 'region') }} as region,
    {{ file_column(dataset, 'country') }} as country,
    {{ file_column(dataset, 'company_name') }} as company_name,
    {{ file_column(dataset, 'company_domain') }} as company_domain,
    {{ file_column(dataset, 'job_title') }} as job_title,
    {{ file_column(dataset, 'language') }} as language,
    {{ file_column(dataset, 'lifecycle_stage') }} as lifecycle_stage,
    {{ file_column(dataset, 'created_at', 'timestamptz') }} as created_at,
    coalesce(
        {{ file_column(dataset, 'updated_at', 'timestamptz') }},
        {{ file_column(dataset, 'created_at', 'timestamptz') }}
    ) as updated_at
from {{ file_rows(dataset, 'customer_id', file_profile_key(dataset)) }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('contacts')) }}
{%- endfor %}
