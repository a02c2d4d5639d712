with responses as (

    {{ union_of('survey_responses') }}

),

final as (

    select
        {%- for name in canonical_columns('survey_responses') %}
        {{ score_on_scale('scale', 'score') if name == 'score' else name }} as {{ name }},
        {%- endfor %}
        score is not null and {{ score_on_scale('scale', 'score') }} is null as is_off_scale
    from responses

)

select * from final
