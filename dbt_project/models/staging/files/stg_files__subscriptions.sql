{%- for dataset in datasets_of('subscriptions') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'subscription_id') }} as subscription_id,
    {{ file_column(dataset, 'plan') }} as plan,
    coalesce({{ file_column(dataset, 'status') }}, 'active') as status,
    {{ file_column(dataset, 'started_at', 'timestamptz') }} as started_at,
    {{ file_column(dataset, 'cancelled_at', 'timestamptz') }} as cancelled_at,
    {{ file_column(dataset, 'renews_at', 'timestamptz') }} as renews_at,
    {{ file_column(dataset, 'amount', 'numeric') }} as amount,
    {{ file_currency(dataset) }} as currency,
    {{ file_column(dataset, 'updated_at', 'timestamptz') }} as updated_at,
    deleted_at
from {{ file_rows(dataset, 'subscription_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('subscriptions')) }}
{%- endfor %}
