with

customers as (
    select * from {{ ref('dim_customer') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

purchases as (
    select
        customers.customer_unique_id,
        sum(orders.order_amount) as gmv,
        sum(orders.review_score) as review_points,
        count(orders.review_score) as reviewed_orders
    from orders
    inner join customers
        on orders.customer_key = customers.customer_key
    group by customers.customer_unique_id
),

people as (
    select
        customers.customer_segment,
        coalesce(customers.lifecycle, 'NO_ORDERS') as lifecycle,
        coalesce(customers.region, 'sem_regiao') as region,
        coalesce(customers.state, 'sem_estado') as state,
        customers.is_repeat_customer,
        customers.total_orders,
        customers.delivered_orders,
        customers.total_spent,
        coalesce(purchases.gmv, 0) as gmv,
        purchases.review_points,
        coalesce(purchases.reviewed_orders, 0) as reviewed_orders
    from customers
    left join purchases
        on customers.customer_unique_id = purchases.customer_unique_id
    where customers.is_current
),

profiles as (
    select
        customer_segment,
        lifecycle,
        region,
        state,
        count(*) as customers,
        count(*) filter (where is_repeat_customer) as repeat_customers,
        sum(total_orders) as orders,
        sum(delivered_orders) as delivered_orders,
        sum(total_spent) as total_spent,
        sum(gmv) as gmv,
        sum(reviewed_orders) as reviewed_orders,
        sum(review_points) as review_points
    from people
    group by customer_segment, lifecycle, region, state
),

final as (
    select
        customer_segment,
        lifecycle,
        region,
        state,
        customers,
        cast(customers / sum(customers) over () as decimal(9, 6)) as customer_share,
        repeat_customers,
        cast(repeat_customers / customers as decimal(9, 6)) as repeat_customer_share,
        cast(orders as bigint) as orders,
        cast(delivered_orders as bigint) as delivered_orders,
        cast(gmv as decimal(18, 2)) as gmv,
        cast(total_spent as decimal(18, 2)) as total_spent,
        cast(total_spent / customers as decimal(18, 2)) as avg_spent,
        cast(total_spent / nullif(delivered_orders, 0) as decimal(18, 2)) as avg_order_value,
        cast(reviewed_orders as bigint) as reviewed_orders,
        cast(review_points / nullif(reviewed_orders, 0) as decimal(9, 2)) as avg_review_score
    from profiles
)

select * from final
