select orders.*
from {{ ref('stg_orders') }} as orders
where
    orders.order_id not in (
        select reviews.order_id from {{ ref('stg_order_reviews') }} as reviews
    )
