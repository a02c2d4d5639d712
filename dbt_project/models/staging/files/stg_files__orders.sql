{%- for dataset in datasets_of('orders') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'order_id') }} as order_id,
    {{ file_column(dataset, 'ordered_at', 'timestamptz') }} as ordered_at,
    coalesce({{ file_column(dataset, 'status') }}, 'paid') as status,
    {{ file_column(dataset, 'amount', 'numeric', is_derived=true) }} as amount,
    {{ file_currency(dataset) }} as currency,
    {{ file_column(dataset, 'quantity', 'numeric') }} as quantity,
    {{ file_column(dataset, 'product_id') }} as product_id,
    {{ file_column(dataset, 'product_name') }} as product_name,
    {{ file_column(dataset, 'category') }} as category
from {{ file_rows(dataset, 'order_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('orders')) }}
{%- endfor %}
