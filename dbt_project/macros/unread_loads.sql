{# Loads of which rows were committed since this table was built; the ledger's count moves with
   the rows, so a load that was still running at the last build is read again. #}
{% macro unread_loads() -%}
    select loads.load_id from {{ source('landing', 'loads') }} as loads
    where loads.landed > 0
    {%- if is_incremental() %}
    except
    select loads.load_id
    from {{ source('landing', 'loads') }} as loads
    inner join (select distinct load_id, load_landed from {{ this }}) as known using (load_id)
    where loads.landed = known.load_landed
    {%- endif %}
{%- endmacro %}
