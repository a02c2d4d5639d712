with loads as (

    select * from {{ source('landing', 'loads') }}
    where
        as_of <= {{ as_of() }}
        and (
            source <> 'files'
            or stream = any(array[{% for name in var('datasets') %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text[])
        )

),

streams as (

    select
        source,
        stream,
        max(as_of) filter (where finished_at is not null) as last_good_as_of,
        max(as_of) as last_tried_as_of
    from loads
    group by source, stream

),

judged as (

    select
        *,
        coalesce(last_good_as_of < {{ as_of() }} - interval '{{ var("stale_after_hours") }} hours', true) as is_stale
    from streams

),

final as (

    select
        source,
        count(*)::integer as streams,
        min(last_good_as_of) as last_good_as_of,
        max(last_tried_as_of) as last_tried_as_of,
        bool_or(is_stale) as is_stale,
        coalesce(array_agg(stream order by stream) filter (where is_stale), '{}') as stale_streams,
        {{ as_of() }} as as_of
    from judged
    group by source

)

select * from final
