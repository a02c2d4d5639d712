{# Loads that committed rows after this table was built. A load's count is updated with its rows, so
   a load that was still running at the last build is read again. #}
{% macro unread_loads() -%}
    select loads.load_id from {{ source('landing', 'landed_loads') }} as loads
    where loads.landed > 0
    {%- if is_incremental() %}
    except
    select loads.load_id
    from {{ source('landing', 'landed_loads') }} as loads
    inner join (select distinct load_id, load_landed from {{ this }}) as known using (load_id)
    where loads.landed = known.load_landed
    {%- endif %}
{%- endmacro %}
