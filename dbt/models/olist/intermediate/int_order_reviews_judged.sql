with

reviews as (
    select * from {{ ref('stg_order_reviews') }}
),

orders as (
    select * from {{ ref('int_orders_judged') }}
)

select
    reviews.*,
    orders.customer_unique_id,
    orders.purchased_at,
    greatest(reviews._delivery_sequence, orders._delivery_sequence) as _newest_delivery,
    case
        when orders.order_id is null then 'order_unknown'
        when orders.exclusion_reason is not null then 'order_excluded'
    end as exclusion_reason,
    case
        when orders.order_id is null or orders.exclusion_reason is not null then reviews.order_id
    end as missing_key
from reviews
left join orders
    on reviews.order_id = orders.order_id
