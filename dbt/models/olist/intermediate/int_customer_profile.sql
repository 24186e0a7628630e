-- Segment and lifecycle of each person, by the rules of the data dictionary.
with

metrics as (
    select * from {{ ref('int_customer_metrics') }}
)

select
    *,
    cast(total_spent / nullif(delivered_orders, 0) as decimal(18, 2)) as avg_order_value,
    total_orders >= 2 as is_repeat_customer,
    case
        when delivered_orders = 0 then 'NEW'
        when delivered_orders > 5 and total_spent > 1000 then 'VIP'
        when delivered_orders > 5 then 'LOYAL'
        when delivered_orders >= 2 then 'REGULAR'
        else 'ONE_TIME'
    end as customer_segment,
    case
        when date_diff('day', last_order_date, newest_order_date) > 180 then 'CHURNED'
        else 'ACTIVE'
    end as lifecycle
from metrics
