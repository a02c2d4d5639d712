with people as (

    {%- for dataset in datasets_of() %}

    select
        {{ file_profile_id(dataset) }} as profile_id,
        {{ text_literal(dataset.namespace ~ ':') }} || {{ file_profile_key(dataset) }} as files_id,
        {{ file_column(dataset, 'user_id') }} as user_id,
        {{ file_column(dataset, 'email') }} as email,
        {{ file_column(dataset, 'phone') }} as phone,
        {{ file_device_id(dataset) }} as device_id,
        min(first_as_of) as first_as_of
    from {{ file_versions(dataset) }}
    {%- if dataset.entity == 'web_events' %}
    where not {{ is_bot(file_column(dataset, 'user_agent')) }}
    {%- endif %}
    group by 1, 2, 3, 4, 5, 6
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::text as profile_id, null::text as files_id, null::text as user_id, null::text as email,
        null::text as phone, null::text as device_id, null::timestamptz as first_as_of
    where false
    {%- endfor %}

),

final as (

    {{ identifiers('files', 'people', [
        ['files_id', 'files_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'user_id is not null'],
        ['phone', 'phone', 'false'],
        ['device_id', 'device_id', 'user_id is not null'],
    ]) }}

)

select * from final
