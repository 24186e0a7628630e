select orders.*
from {{ ref('stg_orders') }} as orders
where
    orders.order_id not in (
        select payments.order_id from {{ ref('stg_order_payments') }} as payments
    )
