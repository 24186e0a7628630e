with

orders as (
    select * from {{ ref('fct_orders') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

delivered as (
    select
        cast(date_trunc('month', orders.purchased_at) as date) as order_month,
        coalesce(customers.state, 'sem_estado') as customer_state,
        coalesce(customers.region, 'sem_regiao') as region,
        orders.delivered_to_customer_at is not null as is_dated,
        orders.is_late_delivery,
        orders.days_to_ship,
        orders.days_to_deliver,
        orders.days_after_estimate,
        orders.review_score
    from orders
    inner join customers
        on orders.customer_key = customers.customer_key
    where orders.is_delivered
),

final as (
    select
        order_month,
        customer_state,
        region,
        count(*) as delivered_orders,
        count(*) filter (where not is_dated) as undated_orders,
        count(*) filter (where is_late_delivery) as late_orders,
        cast(
            count(*) filter (where is_late_delivery) / nullif(count(*) filter (where is_dated), 0)
            as decimal(9, 6)
        ) as late_share,
        cast(avg(days_to_ship) as decimal(9, 2)) as avg_days_to_ship,
        cast(median(days_to_ship) as decimal(9, 2)) as median_days_to_ship,
        cast(avg(days_to_deliver) as decimal(9, 2)) as avg_days_to_deliver,
        cast(median(days_to_deliver) as decimal(9, 2)) as median_days_to_deliver,
        cast(avg(days_after_estimate) as decimal(9, 2)) as avg_days_after_estimate,
        cast(avg(review_score) filter (where is_late_delivery) as decimal(9, 2))
            as late_review_score,
        cast(avg(review_score) filter (where is_dated and not is_late_delivery) as decimal(9, 2))
            as in_time_review_score
    from delivered
    group by order_month, customer_state, region
)

select * from final
