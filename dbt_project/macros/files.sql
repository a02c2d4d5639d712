{# The datasets that rapport.yml maps. Their rows land with `_read`, the values that the connector read;
   these macros only cast them. #}

{% macro datasets_of(entity=none) -%}
    {%- set chosen = [] -%}
    {%- for name, dataset in var('datasets').items() | sort if entity is none or dataset.entity == entity -%}
        {%- if not modules.re.fullmatch('[a-z][a-z0-9_]*', name) -%}
            {{ exceptions.raise_compiler_error("rapport.yml: a dataset's name is lower case letters, digits and _: '" ~ name ~ "'.") }}
        {%- endif -%}
        {%- do chosen.append({
            'name': name,
            'source': dataset.source,
            'entity': dataset.entity,
            'namespace': dataset.namespace or name,
            'columns': dataset.columns,
            'questions': dataset.questions or {},
        }) -%}
    {%- endfor -%}
    {{ return(chosen) }}
{%- endmacro %}

{% macro text_literal(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}

{# The value that was read for a column; NULL where rapport.yml maps none. What `_read` does not have is
   written in the cell just so. #}
{% macro file_column(dataset, name, type='text', is_derived=false) -%}
    {%- set column = dataset.columns.get(name) -%}
    {%- set read = "payload -> '_read' ->> '" ~ name ~ "'" -%}
    {%- if not is_derived and column is none -%}
        null::{{ type }}
    {%- elif type == 'text[]' -%}
        array(
            select jsonb_array_elements_text(case when jsonb_typeof(payload -> '_read' -> '{{ name }}') = 'array' then payload -> '_read' -> '{{ name }}' else '[]' end)
        )
    {%- elif column -%}
        (case when payload -> '_read' ? '{{ name }}' then {{ read }} else nullif(payload ->> {{ text_literal(column) }}, '') end){{ '::' ~ type if type != 'text' }}
    {%- else -%}
        ({{ read }}){{ '::' ~ type if type != 'text' }}
    {%- endif -%}
{%- endmacro %}

{# The person of a row: by a usable id, else the row itself. #}
{% macro file_profile_key(dataset) -%}
    {{ file_column(dataset, 'profile', is_derived=true) }}
{%- endmacro %}

{% macro file_profile_id(dataset) -%}
    {{ text_literal('files:' ~ dataset.namespace ~ ':') }} || {{ file_profile_key(dataset) }}
{%- endmacro %}

{# An object's id with its namespace, in which it is unique. A row without an id is an object of its own. #}
{% macro file_object_id(dataset, name) -%}
    {{ text_literal(dataset.namespace ~ ':') }} || coalesce({{ file_column(dataset, name) }}, record_key)
{%- endmacro %}

{# The rows that were read and are not left out. #}
{% macro file_is_read() -%}
    payload ? '_read' and not payload -> '_read' ? 'excluded'
{%- endmacro %}

{# The valid version of each row. If the file has `updated_at`, it is the one that changed last,
   because an older export may land later. Otherwise it is the one that landed last. #}
{% macro file_versions(dataset) -%}
    {%- set raw = 'raw.' ~ dataset.source ~ '__' ~ dataset.name -%}
    {%- if dataset.entity == 'subscriptions' -%}
        (
            select *
            from {{ versions_with_deleted(raw, (file_changed_at(dataset) ~ ' desc, ') if 'updated_at' in dataset.columns else '') }} as newest
            where {{ file_is_read() }}
        ) as versions
    {%- elif 'updated_at' in dataset.columns -%}
        (
            select * from (
                select distinct on (record_key) *
                from {{ raw }}
                where
                    not is_deleted
                    and record_key in (select record_key from {{ raw }} where is_latest and not is_deleted)
                order by record_key, {{ file_changed_at(dataset) }} desc, load_id desc
            ) as newest
            where {{ file_is_read() }}
        ) as versions
    {%- else -%}
        (select * from {{ raw }} where is_latest and not is_deleted and {{ file_is_read() }}) as versions
    {%- endif -%}
{%- endmacro %}

{% macro file_changed_at(dataset) -%}
    coalesce({{ file_column(dataset, 'updated_at', 'timestamptz') }}, as_of)
{%- endmacro %}

{# One row per object, the newest. #}
{% macro file_rows(dataset, id_column, id=none) -%}
    {%- set id = id or file_object_id(dataset, id_column) -%}
    (
        select distinct on ({{ id }}) *
        from {{ file_versions(dataset) }}
        order by {{ id }}, {{ file_changed_at(dataset) ~ ' desc, ' if 'updated_at' in dataset.columns }}load_id desc, record_key desc
    ) as {{ dataset.name }}
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
                    coalesce({{ file_column(dataset, 'channel') }}, 'any') as channel,
                    {{ file_column(dataset, 'purpose') }} as purpose,
                    {{ file_column(dataset, 'status') }} as status,
                    coalesce({{ happened_at }}, case when not is_latest then as_of end) as occurred_at
                from {{ raw }}
                where not is_deleted and {{ file_is_read() }}
            ) as versions
            left join (
                select distinct record_key as live_key from {{ raw }} where is_latest and not is_deleted
            ) as live on versions.record_key = live.live_key
            where status = 'withdrawn' or live.live_key is not null
            order by
                object_id, channel, purpose, coalesce(occurred_at, as_of) desc, load_id desc, record_key desc
        ) as newest
    ) as {{ dataset.name }}
{%- endmacro %}

{# The currency of a row: the company's if there is no currency column, and XXX (ISO 4217's "no
   currency") if the cell has none. #}
{% macro file_currency(dataset) -%}
    {%- if 'currency' in dataset.columns -%}
        coalesce({{ file_column(dataset, 'currency') }}, 'XXX')
    {%- else -%}
        {{ text_literal(var('company').get('currency') or 'XXX') }}
    {%- endif -%}
{%- endmacro %}
