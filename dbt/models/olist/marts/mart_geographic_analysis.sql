with

states as (
    select * from {{ ref('estados_brasil') }}
),

geography as (
    select * from {{ ref('dim_geography') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

sellers as (
    select * from {{ ref('dim_seller') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

centres as (
    select
        state,
        median(latitude) as latitude,
        median(longitude) as longitude
    from geography
    group by state
),

orders_of_state as (
    select
        coalesce(customers.state, 'sem_estado') as state,
        count(distinct customers.customer_unique_id) as customers,
        count(*) as orders,
        avg(orders.days_to_deliver) filter (where orders.is_delivered) as avg_days_to_deliver
    from orders
    inner join customers
        on orders.customer_key = customers.customer_key
    group by coalesce(customers.state, 'sem_estado')
),

sellers_of_state as (
    select
        coalesce(state, 'sem_estado') as state,
        count(*) as sellers
    from sellers
    where is_current
    group by coalesce(state, 'sem_estado')
),

flows as (
    select
        coalesce(customers.state, 'sem_estado') as customer_state,
        coalesce(sellers.state, 'sem_estado') as seller_state,
        sum(order_items.total_amount) as gmv,
        sum(order_items.total_amount) filter (where customers.state = sellers.state)
            as same_state_gmv
    from order_items
    inner join customers
        on order_items.customer_key = customers.customer_key
    inner join sellers
        on order_items.seller_key = sellers.seller_key
    group by customer_state, seller_state
),

bought as (
    select
        customer_state as state,
        sum(gmv) as gmv,
        coalesce(sum(same_state_gmv), 0) as same_state_gmv
    from flows
    group by customer_state
),

sold as (
    select
        seller_state as state,
        sum(gmv) as gmv
    from flows
    group by seller_state
),

places as (
    select state from states
    union
    select state from orders_of_state
    union
    select state from sellers_of_state
    union
    select state from sold
),

final as (
    select
        places.state,
        states.state_name,
        coalesce(states.region, 'sem_regiao') as region,
        centres.latitude,
        centres.longitude,
        coalesce(orders_of_state.customers, 0) as customers,
        coalesce(sellers_of_state.sellers, 0) as sellers,
        coalesce(orders_of_state.orders, 0) as orders,
        cast(orders_of_state.orders / orders_of_state.customers as decimal(9, 4))
            as orders_per_customer,
        cast(coalesce(bought.gmv, 0) as decimal(18, 2)) as gmv,
        cast(
            coalesce(bought.gmv, 0) / nullif(sum(bought.gmv) over (), 0) as decimal(9, 6)
        ) as gmv_share,
        cast(coalesce(sold.gmv, 0) as decimal(18, 2)) as seller_gmv,
        cast(bought.same_state_gmv / nullif(bought.gmv, 0) as decimal(9, 6))
            as same_state_gmv_share,
        cast(orders_of_state.avg_days_to_deliver as decimal(9, 2)) as avg_days_to_deliver
    from places
    left join states
        on places.state = states.state
    left join centres
        on places.state = centres.state
    left join orders_of_state
        on places.state = orders_of_state.state
    left join sellers_of_state
        on places.state = sellers_of_state.state
    left join bought
        on places.state = bought.state
    left join sold
        on places.state = sold.state
)

select * from final
