{# The union of all staging models of an entity, with the canonical columns and without contact
   details. A missing column fails the build here. #}
{% macro union_of(entity, columns=none) -%}
    {%- set columns = columns or canonical_columns(entity) -%}
    {%- for model in var('canonical').get(entity, []) | sort %}
    select
        {%- for name, type in columns.items() %}
        ({{ known_word(entity, name) or past_day(name) or public_column(entity, name) }})::{{ type }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ one_of_each(entity, ref(model)) if model.startswith('stg_files__') and shared_namespaces(entity) else ref(model) }} as staged
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ empty_relation(columns) }}
    {%- endfor %}
{%- endmacro %}

{% macro empty_relation(columns) -%}
    select
        {%- for name, type in columns.items() %}
        null::{{ type }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}

{# A word that the models know, in lower case; NULL for any other, which then stops no build. Words of consents
   and messages stay as they are, because an unknown one still forbids something. #}
{% macro known_word(entity, name) -%}
    {%- set words = canonical_values(entity).get(name) -%}
    {%- if words and name != 'scale' and entity not in ['consent_events', 'message_events'] -%}
        case when lower({{ name }}) ~ {{ text_literal('^(' ~ words | join('|') ~ ')$') }} then lower({{ name }}) end
    {%- endif -%}
{%- endmacro %}

{# A birth date, or NULL for one in the future. #}
{% macro past_day(name) -%}
    {%- if name == 'birth_date' -%}
        case when birth_date <= {{ local_date(as_of()) }} then birth_date end
    {%- endif -%}
{%- endmacro %}

{# The namespaces in which several datasets of an entity number their objects. #}
{% macro shared_namespaces(entity) -%}
    {%- set seen, shared = [], [] -%}
    {%- for dataset in datasets_of(entity) -%}
        {%- do shared.append(dataset.namespace) if dataset.namespace in seen -%}
        {%- do seen.append(dataset.namespace) -%}
    {%- endfor -%}
    {{ return(shared) }}
{%- endmacro %}

{# The columns that name an object of an entity at its source. #}
{% macro object_columns(entity) -%}
    {%- set names = {
        'contacts': ['profile_id'], 'companies': ['company_id'], 'orders': ['order_id'],
        'subscriptions': ['subscription_id'], 'payments': ['payment_id'], 'conversations': ['conversation_id'],
        'conversation_parts': ['conversation_id', 'part_id'],
        'conversation_changes': ['conversation_id', 'change_id'],
        'conversation_schedules': ['conversation_id'], 'conversation_targets': ['conversation_id', 'metric'],
        'survey_responses': ['response_id', 'question_id'],
        'survey_invitations': ['invitation_id'], 'web_events': ['event_id'], 'consent_events': ['event_id'],
        'deals': ['deal_id'], 'message_events': ['event_id'],
    } -%}
    {{ return(names.get(entity, [])) }}
{%- endmacro %}

{# One row per object of a staging model, the newest, if datasets of one namespace contain the same ids. Of
   consents, all rows stay, with ids of their own, because one of them may be a refusal. #}
{% macro one_of_each(entity, relation) -%}
    {%- set key = object_columns(entity) -%}
    {%- set columns = canonical_columns(entity) -%}
    {%- set times = ['load_id', 'updated_at', 'ordered_at', 'attempted_at', 'responded_at', 'occurred_at', 'created_at', 'started_at'] -%}
    {%- if not key -%}
        {{ relation }}
    {%- else -%}
        (
            select
                {%- for name in columns %}
                {%- if entity == 'consent_events' and name == 'event_id' %}
                event_id || case when copy > 1 then '#' || copy else '' end as event_id
                {%- else %}
                {{ name }}
                {%- endif %}{{ ',' if not loop.last }}
                {%- endfor %}
            from (
                select
                    *,
                    row_number() over (
                        partition by source, {{ key | join(', ') }}
                        order by
                            {%- for name in times if name in columns %}
                            {{ name }} desc nulls last,
                            {%- endfor %}
                            {%- for name in columns if name not in times + key + ['source'] %}
                            {{ name }}{{ ',' if not loop.last }}
                            {%- endfor %}
                    ) as copy
                from {{ relation }}
            ) as copies
            {%- if entity != 'consent_events' %}
            where copy = 1
            {%- endif %}
        )
    {%- endif -%}
{%- endmacro %}

{# The dataset of rapport.yml that an object comes from, by the namespace of its id: several names if they share
   a namespace, '(none)' for other sources. #}
{% macro dataset_of(entity, id) -%}
    {%- set names = {} -%}
    {%- for dataset in datasets_of(entity) -%}
        {%- do names.setdefault(dataset.namespace, []).append(dataset.name) -%}
    {%- endfor -%}
    {%- if names -%}
    case
        {%- for namespace, datasets in names.items() %}
        when starts_with({{ id }}, {{ text_literal(namespace ~ ':') }}) then {{ text_literal(datasets | join(', ')) }}
        {%- endfor %}
        else '(none)'
    end
    {%- else -%}
    '(none)'
    {%- endif -%}
{%- endmacro %}
