-- One row per order that counts, with sums of its items, payments and reviews.
with

orders as (
    select * from {{ ref('int_orders_judged') }}
    where exclusion_reason is null
),

items as (
    select
        order_id,
        count(*) as items,
        count(distinct seller_id) as sellers,
        count(distinct product_id) as products,
        cast(sum(price) as decimal(18, 2)) as items_amount,
        cast(sum(freight_value) as decimal(18, 2)) as freight_amount,
        max(_delivery_sequence) as delivery_sequence
    from {{ ref('int_order_items_judged') }}
    where exclusion_reason is null
    group by order_id
),

payments as (
    select
        order_id,
        count(*) as payments,
        cast(sum(payment_value) as decimal(18, 2)) as payment_amount,
        max(_delivery_sequence) as delivery_sequence
    from {{ ref('int_order_payments_judged') }}
    where exclusion_reason is null
    group by order_id
),

reviews as (
    select
        order_id,
        count(*) as reviews,
        -- Of several reviews the one asked for last counts.
        max_by(review_score, (coalesce(created_at, timestamp '1900-01-01'), review_id))
            as review_score,
        max(_delivery_sequence) as delivery_sequence
    from {{ ref('int_order_reviews_judged') }}
    where exclusion_reason is null
    group by order_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.customer_unique_id,
    orders.order_status,
    orders.purchased_at,
    orders.approved_at,
    orders.delivered_to_carrier_at,
    orders.delivered_to_customer_at,
    orders.estimated_delivery_date,
    coalesce(items.items, 0) as items,
    coalesce(items.sellers, 0) as sellers,
    coalesce(items.products, 0) as products,
    coalesce(items.items_amount, 0) as items_amount,
    coalesce(items.freight_amount, 0) as freight_amount,
    cast(
        coalesce(items.items_amount, 0) + coalesce(items.freight_amount, 0) as decimal(18, 2)
    ) as order_amount,
    coalesce(payments.payments, 0) as payments,
    coalesce(payments.payment_amount, 0) as payment_amount,
    coalesce(reviews.reviews, 0) as reviews,
    reviews.review_score,
    date_diff('day', orders.purchased_at, orders.delivered_to_carrier_at) as days_to_ship,
    date_diff('day', orders.purchased_at, orders.delivered_to_customer_at) as days_to_deliver,
    date_diff('day', orders.estimated_delivery_date, orders.delivered_to_customer_at)
        as days_after_estimate,
    coalesce(
        cast(orders.delivered_to_customer_at as date) > orders.estimated_delivery_date, false
    ) as is_late_delivery,
    orders.order_status = 'delivered' as is_delivered,
    coalesce(items.sellers, 0) > 1 as is_multivendor,
    greatest(
        orders._delivery_sequence,
        coalesce(items.delivery_sequence, -1),
        coalesce(payments.delivery_sequence, -1),
        coalesce(reviews.delivery_sequence, -1)
    ) as _delivery_sequence
from orders
left join items
    on orders.order_id = items.order_id
left join payments
    on orders.order_id = payments.order_id
left join reviews
    on orders.order_id = reviews.order_id
