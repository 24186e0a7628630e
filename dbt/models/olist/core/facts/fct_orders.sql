{#- Outside the condition, so that dbt sees what it refers to. -#}
{%- set refreshed = refreshed_orders() -%}
with

orders as (
    select * from {{ ref('int_order_enriched') }}
    {%- if is_incremental() %}
    where order_id in ({{ refreshed }})
    {%- endif %}
),

customers as (
    select * from {{ ref('int_customer_versions') }}
)

select
    orders.order_id,
    customers.customer_key,
    orders.customer_id,
    {{ date_key('orders.purchased_at') }} as order_date_key,
    {{ date_key('orders.delivered_to_customer_at') }} as delivery_date_key,
    orders.order_status,
    orders.purchased_at,
    orders.approved_at,
    orders.delivered_to_carrier_at,
    orders.delivered_to_customer_at,
    orders.estimated_delivery_date,
    orders.items,
    orders.sellers,
    orders.products,
    orders.items_amount,
    orders.freight_amount,
    orders.order_amount,
    orders.payments,
    orders.payment_amount,
    orders.reviews,
    orders.review_score,
    orders.days_to_ship,
    orders.days_to_deliver,
    orders.days_after_estimate,
    orders.is_delivered,
    orders.is_late_delivery,
    orders.is_multivendor,
    orders._delivery_sequence
from orders
inner join customers
    on
        orders.customer_unique_id = customers.customer_unique_id
        and orders.purchased_at >= customers.effective_from
        and orders.purchased_at < customers.effective_to
