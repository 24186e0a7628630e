{{ config(materialized='incremental', unique_key='order_id') }}

select o.order_id, o.customer_id, o.order_date, o.status, p.amount
from {{ ref('stg_orders') }} as o
left join {{ ref('int_payments_by_order') }} as p on o.order_id = p.order_id
{% if is_incremental() %}
where o.order_date >= (select max(order_date) from {{ this }})
{% endif %}
