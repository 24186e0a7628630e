{#- Outside the condition, so that dbt sees what it refers to. -#}
{%- set refreshed = refreshed_orders() -%}
with

items as (
    select * from {{ ref('int_order_items_judged') }}
    where
        exclusion_reason is null
        {%- if is_incremental() %}
        and order_id in ({{ refreshed }})
        {%- endif %}
),

orders as (
    select * from {{ ref('int_order_enriched') }}
),

customers as (
    select * from {{ ref('int_customer_versions') }}
),

products as (
    select * from {{ ref('int_product_versions') }}
),

sellers as (
    select * from {{ ref('int_seller_versions') }}
)

select
    {{ surrogate_key(['items.order_id', 'items.order_item_id']) }} as order_item_key,
    items.order_id,
    items.order_item_id,
    customers.customer_key,
    products.product_key,
    sellers.seller_key,
    {{ date_key('orders.purchased_at') }} as order_date_key,
    {{ date_key('orders.delivered_to_customer_at') }} as delivery_date_key,
    orders.order_status,
    orders.purchased_at,
    items.shipping_limit_at,
    items.price,
    items.freight_value,
    cast(items.price + items.freight_value as decimal(18, 2)) as total_amount,
    orders.is_delivered,
    orders.is_late_delivery,
    coalesce(orders.delivered_to_carrier_at > items.shipping_limit_at, false) as is_shipped_late,
    greatest(items._delivery_sequence, orders._delivery_sequence) as _delivery_sequence
from items
inner join orders
    on items.order_id = orders.order_id
inner join customers
    on
        orders.customer_unique_id = customers.customer_unique_id
        and orders.purchased_at >= customers.effective_from
        and orders.purchased_at < customers.effective_to
inner join products
    on
        items.product_id = products.product_id
        and orders.purchased_at >= products.effective_from
        and orders.purchased_at < products.effective_to
inner join sellers
    on
        items.seller_id = sellers.seller_id
        and orders.purchased_at >= sellers.effective_from
        and orders.purchased_at < sellers.effective_to
