{#- Every text column of every table that becomes `marts`, found in the catalogue: a new mart is covered
    by being there. It runs with the last layer, so after all of them are built. -#}
{{ config(tags=['predictions']) }}
-- depends_on: {{ ref('mart_contact_preferences') }} {{ ref('mart_next_products') }} {{ ref('mart_personas') }}
-- depends_on: {{ ref('mart_predicted_churn') }} {{ ref('mart_predicted_clv') }} {{ ref('mart_prediction_quality') }}
-- depends_on: {{ ref('mart_years_in_review') }}
{#- A column that may hold what looks like a contact detail, with the reason. -#}
{%- set allowed = {} -%}
{%- set found = {} -%}
{%- if execute -%}
    {%- set columns = run_query("
        select tables.relname, columns.attname
        from pg_attribute as columns
        inner join pg_class as tables on columns.attrelid = tables.oid
        where
            tables.relnamespace = 'build'::regnamespace
            and tables.relkind in ('r', 'p', 'v', 'm')
            and columns.attnum > 0
            and not columns.attisdropped
            and columns.atttypid in ('text'::regtype, 'varchar'::regtype, 'text[]'::regtype, 'jsonb'::regtype)
        order by 1, 2
    ") -%}
    {%- for row in columns if (row[0] ~ '.' ~ row[1]) not in allowed -%}
        {%- do found.setdefault(row[0], []).append(row[1]) -%}
    {%- endfor -%}
{%- endif %}
{#- One scan a table, and one look at all texts of a row together: few rows hold a sign of an address or number. #}
{%- for table, names in found.items() %}
select '{{ table }}.' || texts.column_name as column_name, count(*) as rows_with_contacts
from build.{{ adapter.quote(table) }} as suspects
cross join lateral (
    values
    {%- for name in names %}
    ('{{ name }}', suspects.{{ adapter.quote(name) }}::text){{ ',' if not loop.last }}
    {%- endfor %}
) as texts (column_name, value)
where
    {% set every -%}
        concat_ws(' ' {%- for name in names %}, suspects.{{ adapter.quote(name) }}{% endfor %})
    {%- endset -%}
    {{ may_hold_contacts(every) }}
    and texts.value ~* '{{ contact_pattern() }}'
group by texts.column_name
{{ 'union all' if not loop.last }}
{%- else %}
select null::text as column_name, 0::bigint as rows_with_contacts
where false
{%- endfor %}
