{%- for dataset in datasets_of('payments') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'payment_id') }} as payment_id,
    {{ text_literal(dataset.namespace ~ ':') }} || {{ file_column(dataset, 'subscription_id') }} as subscription_id,
    coalesce({{ file_column(dataset, 'status') }}, 'succeeded') as status,
    {{ file_column(dataset, 'amount', 'numeric') }} as amount,
    {{ file_currency(dataset) }} as currency,
    {{ file_column(dataset, 'attempted_at', 'timestamptz') }} as attempted_at,
    {{ file_column(dataset, 'failure_reason') }} as failure_reason
from {{ file_rows(dataset, 'payment_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('payments')) }}
{%- endfor %}
