with companies as (

    select * from {{ source('hubspot', 'companies') }}
    where is_latest and not is_deleted

),

final as (

    select
        'hubspot' as source,
        record_key as company_id,
        {{ clean_text('properties.name') }} as name,
        lower({{ clean_text('properties.domain') }}) as domain,
        upper({{ clean_text('properties.country') }}) as country,
        {{ clean_text('properties.industry') }} as industry,
        {{ try_integer('properties.numberofemployees') }} as employees,
        {{ try_timestamp('coalesce(properties.createdate, vendor."createdAt")') }} as created_at,
        {{ try_timestamp('coalesce(properties.hs_lastmodifieddate, vendor."updatedAt")') }} as updated_at
    from companies
    cross join lateral jsonb_to_record({{ json_object('payload') }}) as vendor (
        properties jsonb, archived text, "createdAt" text, "updatedAt" text
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.properties') }}) as properties (
        name text, domain text, country text, industry text, numberofemployees text,
        createdate text, hs_lastmodifieddate text
    )
    where not coalesce({{ try_boolean('vendor.archived') }}, false)

)

select * from final
