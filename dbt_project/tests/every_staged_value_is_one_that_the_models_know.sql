{#- The unions make any other word NULL, so that a new word of a vendor warns and stops no run. -#}
{{ config(severity='warn') }}
{%- for entity, models in var('canonical').items() %}
{%- for column, words in canonical_values(entity).items() %}
{%- for model in models if column not in as_the_company_writes().get(model, []) %}
select
    source,
    {{ text_literal(model ~ '.' ~ column) }} as column_name,
    {{ column }} as value,
    count(*) as found
from {{ ref(model) }}
where {{ column }} !~ {{ text_literal('^(' ~ words | join('|') ~ ')$') }}
group by source, {{ column }}
union all
{%- endfor %}
{%- endfor %}
{%- endfor %}
{{ empty_relation({'source': 'text', 'column_name': 'text', 'value': 'text', 'found': 'bigint'}) }}
