{%- for dataset in datasets_of('consent_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    case when is_newest then object_id else concat_ws(':', object_id, channel, coalesce(purpose, 'any')) end as event_id,
    channel,
    purpose,
    status,
    occurred_at,
    {{ file_column(dataset, 'policy_version') }} as policy_version
from {{ file_consents(dataset) }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('consent_events')) }}
{%- endfor %}
