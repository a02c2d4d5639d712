{%- set off = [] -%}
{%- for name, dataset in var('datasets').items() if not dataset.get('enabled', true) -%}
    {%- do off.append(name) -%}
{%- endfor -%}

with loads as (

    select * from {{ source('landing', 'loads') }}
    where
        as_of <= {{ as_of() }}
        and (
            source <> 'files'
            or stream = any(array[{% for name in var('datasets') %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text[])
        )

),

gates as (

    select
        run_id,
        source,
        bool_or(severity = 'critical' and not success) as has_failed
    from {{ source('quality', 'results') }}
    where gate = 'arrival'
    group by run_id, source

),

judged_loads as (

    select
        loads.*,
        gates.has_failed,
        loads.finished_at is not null and gates.has_failed is not true as is_good
    from loads
    left join gates on loads.run_id = gates.run_id and loads.source = gates.source

),

verdicts as (

    select
        source,
        (array_agg(has_failed order by load_id desc))[1] as newest_has_failed,
        (array_agg(has_failed order by load_id desc) filter (where has_failed is not null))[1] as last_has_failed
    from judged_loads
    group by source

),

streams as (

    select
        source,
        stream,
        max(as_of) filter (where is_good) as last_good_as_of,
        max(as_of) as last_tried_as_of,
        max(max(as_of)) over (partition by source) as source_tried_as_of,
        source in ('files', 'postgres')
        and stream = any(array[{% for name in off %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text[]) as is_off
    from judged_loads
    group by source, stream

),

judged as (

    select
        streams.*,
        verdicts.newest_has_failed,
        coalesce(streams.last_good_as_of < {{ as_of() }} - interval '{{ var("stale_after_hours") }} hours', true)
        or verdicts.last_has_failed is true as is_stale
    from streams
    inner join verdicts on streams.source = verdicts.source
    where streams.is_off or streams.last_tried_as_of > streams.source_tried_as_of - interval '7 days'

),

oddities as (

    select source, sum(odd_rows) as odd_values
    from {{ ref('data_oddities') }}
    group by source

),

final as (

    select
        judged.source,
        count(*)::integer as streams,
        coalesce(min(last_good_as_of) filter (where not is_off), min(last_good_as_of)) as last_good_as_of,
        max(last_tried_as_of) as last_tried_as_of,
        coalesce(bool_or(is_stale) filter (where not is_off), true) as is_stale,
        coalesce(array_agg(stream order by stream) filter (where is_stale), '{}') as stale_streams,
        {{ as_of() }} as as_of,
        case bool_or(newest_has_failed)
            when true then 'failed'
            when false then 'passed'
            else 'unknown'
        end as gate_state,
        coalesce(max(oddities.odd_values), 0)::integer as odd_values
    from judged
    left join oddities on judged.source = oddities.source
    group by judged.source

)

select * from final
