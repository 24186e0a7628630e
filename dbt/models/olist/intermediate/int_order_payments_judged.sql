with

payments as (
    select * from {{ ref('stg_order_payments') }}
),

orders as (
    select * from {{ ref('int_orders_judged') }}
)

select
    payments.*,
    orders.customer_unique_id,
    orders.purchased_at,
    greatest(payments._delivery_sequence, orders._delivery_sequence) as _newest_delivery,
    case
        when orders.order_id is null then 'order_unknown'
        when orders.exclusion_reason is not null then 'order_excluded'
    end as exclusion_reason,
    case
        when orders.order_id is null or orders.exclusion_reason is not null then payments.order_id
    end as missing_key
from payments
left join orders
    on payments.order_id = orders.order_id
