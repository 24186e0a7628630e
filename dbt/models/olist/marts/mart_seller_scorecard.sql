with

sellers as (
    select * from {{ ref('dim_seller') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

-- An order counts once for each of its sellers, and is late if any of that seller's items was.
seller_orders as (
    select
        sellers.seller_id,
        order_items.order_id,
        count(*) as items,
        sum(order_items.price) as revenue,
        sum(order_items.freight_value) as freight_amount,
        bool_or(order_items.is_shipped_late) as is_shipped_late
    from order_items
    inner join sellers
        on order_items.seller_key = sellers.seller_key
    group by sellers.seller_id, order_items.order_id
),

sales as (
    select
        seller_orders.seller_id,
        count(*) as orders,
        sum(seller_orders.items) as items,
        sum(seller_orders.revenue) as revenue,
        sum(seller_orders.freight_amount) as freight_amount,
        count(distinct customers.customer_unique_id) as customers,
        count(orders.delivered_to_carrier_at) as shipped_orders,
        count(*) filter (where seller_orders.is_shipped_late) as late_shipped_orders,
        avg(orders.days_to_ship) as avg_days_to_ship,
        count(orders.review_score) as reviewed_orders,
        avg(orders.review_score) as avg_review_score
    from seller_orders
    left join orders
        on seller_orders.order_id = orders.order_id
    left join customers
        on orders.customer_key = customers.customer_key
    group by seller_orders.seller_id
),

scored as (
    select
        *,
        late_shipped_orders / nullif(shipped_orders, 0) as late_shipped_share,
        60 * (avg_review_score - 1) / 4
        + 40 * (1 - late_shipped_orders / nullif(shipped_orders, 0)) as score
    from sales
),

final as (
    select
        sellers.seller_id,
        sellers.seller_key,
        sellers.city,
        sellers.state,
        sellers.region,
        sellers.is_deleted,
        coalesce(scored.orders, 0) as orders,
        cast(coalesce(scored.items, 0) as bigint) as items,
        cast(coalesce(scored.revenue, 0) as decimal(18, 2)) as revenue,
        cast(coalesce(scored.freight_amount, 0) as decimal(18, 2)) as freight_amount,
        cast(coalesce(scored.revenue + scored.freight_amount, 0) as decimal(18, 2)) as gmv,
        coalesce(scored.customers, 0) as customers,
        coalesce(scored.shipped_orders, 0) as shipped_orders,
        coalesce(scored.late_shipped_orders, 0) as late_shipped_orders,
        cast(scored.late_shipped_share as decimal(9, 6)) as late_shipped_share,
        cast(scored.avg_days_to_ship as decimal(9, 2)) as avg_days_to_ship,
        coalesce(scored.reviewed_orders, 0) as reviewed_orders,
        cast(scored.avg_review_score as decimal(9, 2)) as avg_review_score,
        cast(scored.score as decimal(9, 2)) as score,
        case
            when scored.score is null or scored.orders < 10 then 'NEW'
            when scored.score >= 85 then 'GOLD'
            when scored.score >= 70 then 'SILVER'
            else 'BRONZE'
        end as tier
    from sellers
    left join scored
        on sellers.seller_id = scored.seller_id
    where sellers.is_current
)

select * from final
