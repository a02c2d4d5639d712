with orders as (

    select * from {{ source('shopify', 'orders') }}
    where is_latest and not is_deleted

),

lines as (

    select
        orders.record_key,
        sum({{ try_numeric("listed.line ->> 'quantity'") }}) as quantity,
        (array_agg(listed.line order by listed.place))[1] as first_line
    from orders
    cross join lateral jsonb_array_elements({{ json_array("orders.payload #> '{lineItems,nodes}'") }})
        with ordinality as listed (line, place)
    group by orders.record_key

),

final as (

    select
        'shopify' as source,
        'shopify:customers:' || substring(vendor.customer ->> 'id' from '[^/]+$') as profile_id,
        substring(orders.record_key from '[^/]+$') as order_id,
        {{ try_timestamp('coalesce(vendor."processedAt", vendor."createdAt")') }} as ordered_at,
        case
            when vendor."cancelledAt" is not null then 'cancelled'
            when vendor."displayFinancialStatus" in ('PAID', 'PARTIALLY_REFUNDED') then 'paid'
            when vendor."displayFinancialStatus" = 'REFUNDED' then 'refunded'
            when vendor."displayFinancialStatus" in ('VOIDED', 'EXPIRED') then 'cancelled'
            else 'pending'
        end as status,
        {{ try_numeric("vendor.\"totalPriceSet\" #>> '{shopMoney,amount}'") }} as amount,
        upper(vendor."totalPriceSet" #>> '{shopMoney,currencyCode}') as currency,
        lines.quantity,
        substring(lines.first_line #>> '{product,id}' from '[^/]+$') as product_id,
        {{ clean_text("lines.first_line ->> 'title'") }} as product_name,
        {{ clean_text("lines.first_line #>> '{product,productType}'") }} as category
    from orders
    cross join lateral jsonb_to_record({{ json_object('orders.payload') }}) as vendor (
        customer jsonb, "processedAt" text, "createdAt" text, "cancelledAt" text,
        "displayFinancialStatus" text, "totalPriceSet" jsonb
    )
    left join lines on orders.record_key = lines.record_key

)

select * from final
