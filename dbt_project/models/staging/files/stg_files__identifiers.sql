with people as (

    {%- for dataset in datasets_of() if dataset.entity != 'conversation_events' %}

    select
        {{ text_literal(dataset.source) }} as source,
        {{ file_profile_id(dataset) }} as profile_id,
        {{ text_literal(dataset.namespace ~ ':') }} || {{ file_profile_key(dataset) }} as files_id,
        {{ file_column(dataset, 'user_id') }} as user_id,
        {{ file_column(dataset, 'email') }} as email,
        {{ file_column(dataset, 'phone') }} as phone,
        {{ file_column(dataset, 'device_id', is_derived=true) }} as device_id,
        {{ file_column(dataset, 'additional_emails', 'text[]', is_derived=true) }} as additional_emails,
        {{ file_column(dataset, 'additional_phones', 'text[]', is_derived=true) }} as additional_phones,
        min(first_as_of) as first_as_of
    from {{ file_versions(dataset) }}
    {%- if dataset.entity == 'web_events' %}
    where
        not {{ is_bot(file_column(dataset, 'user_agent')) }}
        and (
            {{ is_done_on_a_page(canonical_event_name(
                "coalesce(" ~ file_column(dataset, 'event_name', is_derived=true) ~ ", 'page_view')"
            )) }}
            or coalesce(
                {{ file_column(dataset, 'customer_id') }},
                {{ file_column(dataset, 'user_id') }},
                {{ file_column(dataset, 'email') }}
            ) is not null
        )
    {%- endif %}
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        null::text as source, null::text as profile_id, null::text as files_id, null::text as user_id,
        null::text as email, null::text as phone, null::text as device_id,
        null::text[] as additional_emails, null::text[] as additional_phones, null::timestamptz as first_as_of
    where false
    {%- endfor %}

),

final as (

    {{ identifiers('people.source', 'people', [
        ['files_id', 'files_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'user_id is not null'],
        ['phone', 'phone', 'false'],
        ['device_id', 'device_id', 'user_id is not null'],
    ], many=[
        ['email', 'unnest(additional_emails)', 'false'],
        ['phone', 'unnest(additional_phones)', 'false'],
    ]) }}

)

select * from final
