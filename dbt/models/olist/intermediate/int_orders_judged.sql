-- Each order with its person; the reason says why an order stays out of the facts.
with

orders as (
    select * from {{ ref('stg_orders') }}
),

people as (
    select distinct
        customer_id,
        first_value(customer_unique_id) over (
            partition by customer_id
            order by dbt_valid_from desc
        ) as customer_unique_id
    from {{ ref('snap_customers') }}
)

select
    orders.*,
    people.customer_unique_id,
    case when people.customer_id is null then 'customer_unknown' end as exclusion_reason,
    case when people.customer_id is null then orders.customer_id end as missing_key
from orders
left join people
    on orders.customer_id = people.customer_id
