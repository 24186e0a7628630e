select orders.*
from {{ ref('stg_orders') }} as orders
where orders.order_id not in (select items.order_id from {{ ref('stg_order_items') }} as items)
