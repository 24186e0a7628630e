select
    orders.order_id,
    orders.order_status,
    orders.order_amount,
    orders.payment_amount,
    orders.payment_amount - orders.order_amount as difference
from {{ ref('fct_orders') }} as orders
where
    orders.items > 0
    and orders.payments > 0
    and abs(orders.payment_amount - orders.order_amount) > 0.01
