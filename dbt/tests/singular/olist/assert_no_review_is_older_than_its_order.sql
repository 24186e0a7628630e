select reviews.*
from {{ ref('stg_order_reviews') }} as reviews
inner join {{ ref('stg_orders') }} as orders
    on reviews.order_id = orders.order_id
where reviews.created_at < orders.purchased_at
