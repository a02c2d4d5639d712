{# The datasets of rapport.yml, each with the mapping from our columns to the columns of the file. #}

{% macro datasets_of(entity=none) -%}
    {%- set chosen = [] -%}
    {%- for name, dataset in var('datasets').items() | sort if entity is none or dataset.entity == entity -%}
        {%- if not modules.re.fullmatch('[a-z][a-z0-9_]*', name) -%}
            {{ exceptions.raise_compiler_error("rapport.yml: a dataset's name is lower case letters, digits and _: '" ~ name ~ "'.") }}
        {%- endif -%}
        {%- set columns = {} -%}
        {%- if dataset.format is defined and dataset.format in ('access_log', 'combined') -%}
            {%- do columns.update({'occurred_at': 'time', 'url': 'path', 'path': 'path', 'referrer': 'referrer', 'user_agent': 'user_agent', 'customer_id': 'remote_user', 'remote_host': 'remote_host'}) -%}
        {%- endif -%}
        {%- do columns.update(dataset.columns or {}) -%}
        {%- do chosen.append({
            'name': name,
            'source': dataset.source or 'files',
            'entity': dataset.entity,
            'namespace': dataset.namespace or name,
            'key': dataset.key or [],
            'columns': columns,
        }) -%}
    {%- endfor -%}
    {{ return(chosen) }}
{%- endmacro %}

{% macro text_literal(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}

{# The value that rapport.yml maps to a column: a name, {column:, format:} or {value:}; else NULL. #}
{% macro file_column(dataset, name, type='text') -%}
    {%- set spec = dataset.columns.get(name) -%}
    {%- set spec = {'column': spec} if spec is string else spec -%}
    {%- if spec is none or spec is undefined -%}
        null::{{ type }}
    {%- elif spec.value is defined -%}
        {{ text_literal(spec.value) }}::{{ type }}
    {%- else -%}
        {%- set value = clean_text('payload ->> ' ~ text_literal(spec.column)) -%}
        {%- if type == 'timestamptz' and spec.format is defined -%}
            {{ try_formatted_timestamp(value, spec.format) }}
        {%- elif type == 'timestamptz' -%}
            {{ try_timestamp(value) }}
        {%- elif type == 'numeric' -%}
            {{ try_numeric(value) }}
        {%- elif type == 'integer' -%}
            {{ try_integer(value) }}
        {%- elif type == 'boolean' -%}
            {{ try_boolean(value) }}
        {%- elif type == 'text[]' -%}
            coalesce(string_to_array(regexp_replace({{ value }}, '\s*;\s*', ';', 'g'), ';'), '{}')
        {%- else -%}
            {{ value }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The id of the person of a row: the customer id, else user id, else e-mail, else device id. #}
{% macro file_profile_key(dataset) -%}
    coalesce(
        nullif({{ file_column(dataset, 'customer_id') }}, '-'),
        {{ file_column(dataset, 'user_id') }},
        lower({{ file_column(dataset, 'email') }}),
        {{ file_device_id(dataset) }}
    )
{%- endmacro %}

{% macro file_profile_id(dataset) -%}
    {{ text_literal('files:' ~ dataset.namespace ~ ':') }} || {{ file_profile_key(dataset) }}
{%- endmacro %}

{# IP addresses are personal data, so only a hash of address and user agent leaves staging. #}
{% macro file_device_id(dataset) -%}
    {%- if 'remote_host' in dataset.columns -%}
        encode(sha256(convert_to({{ file_column(dataset, 'remote_host') }} || ' ' || coalesce({{ file_column(dataset, 'user_agent') }}, ''), 'UTF8')), 'hex')
    {%- else -%}
        {{ file_column(dataset, 'device_id') }}
    {%- endif -%}
{%- endmacro %}

{# An object's id with its namespace, in which it is unique. If the file has no ids, or its key has
   more columns than the id, each row is an object of its own. #}
{% macro file_object_id(dataset, name) -%}
    {%- set id = dataset.columns.get(name) -%}
    {%- if id is string and id in dataset.key and dataset.key | length > 1 -%}
        {{ text_literal(dataset.namespace ~ ':') }} || record_key
    {%- else -%}
        {{ text_literal(dataset.namespace ~ ':') }} || coalesce({{ file_column(dataset, name) }}, record_key)
    {%- endif -%}
{%- endmacro %}

{# The valid version of each row. If the file has `updated_at`, it is the one that changed last,
   because an older export may land later. Otherwise it is the one that landed last. #}
{% macro file_versions(dataset) -%}
    {%- set raw = 'raw.' ~ dataset.source ~ '__' ~ dataset.name -%}
    {%- if 'updated_at' in dataset.columns -%}
        (
            select distinct on (record_key) *
            from {{ raw }}
            where
                not is_deleted
                and record_key in (select record_key from {{ raw }} where is_latest and not is_deleted)
            order by record_key, {{ file_changed_at(dataset) }} desc, load_id desc
        ) as versions
    {%- else -%}
        (select * from {{ raw }} where is_latest and not is_deleted) as versions
    {%- endif -%}
{%- endmacro %}

{% macro file_changed_at(dataset) -%}
    coalesce({{ file_column(dataset, 'updated_at', 'timestamptz') }}, as_of)
{%- endmacro %}

{# One row per object, the newest. Nothing is done if the file's key already guarantees this. #}
{% macro file_rows(dataset, id_column, id=none) -%}
    {%- set name = dataset.columns.get(id_column) -%}
    {%- set is_unique = name in dataset.key if name is string else (name is none and id is none) -%}
    {%- set id = id or file_object_id(dataset, id_column) -%}
    {%- if is_unique -%}
        {{ file_versions(dataset) }}
    {%- else -%}
    (
        select distinct on ({{ id }}) *
        from {{ file_versions(dataset) }}
        order by {{ id }}, {{ file_changed_at(dataset) ~ ' desc, ' if 'updated_at' in dataset.columns }}load_id desc, record_key desc
    ) as {{ dataset.name }}
    {%- endif -%}
{%- endmacro %}

{# All versions of each consent, because the one that happened last counts, even if an older export
   landed later. A grant in a row that was deleted does not count. #}
{% macro file_consents(dataset) -%}
    {%- set raw = 'raw.' ~ dataset.source ~ '__' ~ dataset.name -%}
    {%- set happened_at = file_column(dataset, 'occurred_at', 'timestamptz') -%}
    (
        select
            *,
            row_number() over (
                partition by object_id order by is_latest desc, load_id desc, record_key desc, channel, purpose
            ) = 1 as is_newest
        from (
            select distinct on (object_id, channel, purpose) *
            from (
                select
                    *,
                    {{ file_object_id(dataset, 'event_id') }} as object_id,
                    coalesce(lower({{ file_column(dataset, 'channel') }}), 'any') as channel,
                    lower({{ file_column(dataset, 'purpose') }}) as purpose,
                    {{ consent_status(file_column(dataset, 'status')) }} as status,
                    coalesce({{ happened_at }}, case when not is_latest then as_of end) as occurred_at
                from {{ raw }}
                where not is_deleted
            ) as versions
            where
                status = 'withdrawn'
                or record_key in (select record_key from {{ raw }} where is_latest and not is_deleted)
            order by
                object_id, channel, purpose, coalesce(occurred_at, as_of) desc, load_id desc, record_key desc
        ) as newest
    ) as {{ dataset.name }}
{%- endmacro %}
