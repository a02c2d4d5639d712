{{ config(materialized='ephemeral') }}

with workitems as (

    select * from {{ source('nextiva', 'workitems') }}
    where is_latest and not is_deleted

),

addressed as (

    select
        record_key as workitem_id,
        payload,
        first_as_of,
        lower({{ clean_text("payload ->> 'channelType'") }}) as channel,
        {{ clean_text("case when payload ->> 'type' ilike 'outbound%' then payload ->> 'to' else payload ->> 'from' end") }}
            as address
    from workitems

),

final as (

    select
        workitem_id,
        payload,
        first_as_of,
        channel,
        'nextiva:addresses:' || lower(address) as profile_id,
        case when address like '%@%' then address end as email,
        case when address not like '%@%' and address ~ '\d{5}' then address end as phone,
        {{ try_formatted_timestamp("(payload ->> 'createdAt')", 'epoch_ms') }} as created_at,
        {{ try_formatted_timestamp("(payload ->> 'modifiedAt')", 'epoch_ms') }} as updated_at
    from addressed

)

select * from final
