with
{%- for fact, reads in odd_values().items() %}

{{ fact }}_typical as (

    {%- if reads.currency %}

    select source, currency, percentile_cont(0.5) within group (order by abs(amount))::numeric as typical_amount
    from {{ ref(fact) }}
    where amount <> 0
    group by source, currency

    {%- else %}

    select null::text as source, null::text as currency, null::numeric as typical_amount
    where false

    {%- endif %}

),

{{ fact }}_judged as (

    select
        facts.*,
        {{ dataset_of(reads.entity, 'facts.' ~ reads.id) }} as dataset,
        {{ "coalesce(facts.currency, 'XXX')" if reads.currency else "'(none)'" }} as money
        {%- if reads.currency %},
        typical.typical_amount
        {%- endif %}
    from {{ ref(reads.model or fact) }} as facts
    {%- if reads.currency %}
    left join {{ fact }}_typical as typical
        on facts.source = typical.source and facts.currency = typical.currency
    {%- endif %}

),

{{ fact }}_counted as (

    select
        source,
        dataset,
        money,
        count(*) as rows,
        {%- for column, oddities in reads.checks.items() %}
        {%- set outer = loop %}
        {%- for oddity, condition in oddities.items() %}
        count(*) filter (where {{ condition }}) as {{ column }}_{{ oddity }}{{ ',' if not (outer.last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from {{ fact }}_judged
    group by source, dataset, money

),
{%- endfor %}

{%- set repeated = [] %}
{%- for entity, models in var('canonical').items() if shared_namespaces(entity) and object_columns(entity) and entity not in ['consent_events', 'contacts'] %}
{%- for model in models if model.startswith('stg_files__') %}
{%- do repeated.append({'model': model, 'entity': entity, 'id': object_columns(entity)[0], 'key': object_columns(entity) | join(', ')}) %}
{%- endfor %}
{%- endfor %}

everything as (

    {%- for fact, reads in odd_values().items() %}
    {%- for column, oddities in reads.checks.items() %}
    {%- for oddity in oddities %}
    select
        source,
        dataset,
        '{{ fact }}' as table_name,
        '{{ column }}' as column_name,
        '{{ oddity }}' as oddity,
        money as currency,
        {{ 'false' if oddity in counted_oddities() else 'true' }} as is_left_out,
        rows,
        {{ column }}_{{ oddity }} as odd_rows
    from {{ fact }}_counted
    union all
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}
    {%- for entity, fact in facts_of_mapped_datasets().items() %}
    {%- for dataset in datasets_of(entity) %}
    select
        {{ text_literal(dataset.source) }},
        {{ text_literal(dataset.name) }},
        '{{ fact }}',
        odd.column_name,
        case when odd.reason = 'off the scale' then 'off_scale' else 'unknown' end,
        '(none)',
        true,
        max(versions.rows),
        count(*)
    from (
        select payload, count(*) over () as rows
        from {{ file_versions(dataset) }}
    ) as versions
    cross join lateral jsonb_each_text(
        case when payload -> '_read' ? 'odd' then payload #> '{_read,odd}' else '{}' end
    ) as odd (column_name, reason)
    group by 1, 2, 3, 4, 5
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for union in repeated %}
    select
        source,
        {{ dataset_of(union.entity, union.id) }},
        '{{ union.model }}',
        '{{ union.id }}',
        'repeated',
        '(none)',
        true,
        count(*),
        count(*) - count(distinct ({{ union.key }}))
    from {{ ref(union.model) }}
    group by 1, 2
    union all
    {%- endfor %}
    {{ empty_relation({
        'source': 'text', 'dataset': 'text', 'table_name': 'text', 'column_name': 'text', 'oddity': 'text',
        'currency': 'text', 'is_left_out': 'boolean', 'rows': 'bigint', 'odd_rows': 'bigint',
    }) }}

),

final as (

    select
        source,
        dataset,
        table_name,
        column_name,
        oddity,
        currency,
        is_left_out,
        max(rows)::integer as rows,
        sum(odd_rows)::integer as odd_rows
    from everything
    where odd_rows > 0
    group by source, dataset, table_name, column_name, oddity, currency, is_left_out

)

select * from final
