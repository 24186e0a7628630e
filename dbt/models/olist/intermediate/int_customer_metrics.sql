-- What each person bought. Only delivered orders count as spend.
with

orders as (
    select * from {{ ref('int_order_enriched') }}
)

select
    customer_unique_id,
    min(cast(purchased_at as date)) as first_order_date,
    max(cast(purchased_at as date)) as last_order_date,
    count(*) as total_orders,
    count(*) filter (where is_delivered) as delivered_orders,
    coalesce(sum(order_amount) filter (where is_delivered), 0) as total_spent,
    max(max(cast(purchased_at as date))) over () as newest_order_date
from orders
group by customer_unique_id
