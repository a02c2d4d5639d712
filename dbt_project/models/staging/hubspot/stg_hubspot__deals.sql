with deals as (

    select * from {{ source('hubspot', 'deals') }}
    where is_latest and not is_deleted

),

associations as (

    select
        record_key as deal_id,
        {{ clean_text("payload #>> '{associations,contacts,results,0,id}'") }} as contact_id
    from {{ source('hubspot', 'deal_associations') }}
    where is_latest and not is_deleted

),

final as (

    select
        'hubspot' as source,
        'hubspot:contacts:' || associations.contact_id as profile_id,
        deals.record_key as deal_id,
        {{ clean_text('properties.dealname') }} as name,
        {{ clean_text('properties.dealstage') }} as stage,
        {{ clean_text('properties.pipeline') }} as pipeline,
        {{ try_numeric('properties.amount') }} as amount,
        upper({{ clean_text('properties.deal_currency_code') }}) as currency,
        {{ try_timestamp('coalesce(properties.createdate, vendor."createdAt")') }} as created_at,
        {{ try_timestamp('properties.closedate') }} as closed_at
    from deals
    left join associations on deals.record_key = associations.deal_id
    cross join lateral jsonb_to_record({{ json_object('deals.payload') }}) as vendor (
        properties jsonb, archived text, "createdAt" text
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.properties') }}) as properties (
        dealname text, dealstage text, pipeline text, amount text, deal_currency_code text,
        createdate text, closedate text
    )
    where not coalesce({{ try_boolean('vendor.archived') }}, false)

)

select * from final
