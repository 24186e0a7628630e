with

products as (
    select * from {{ ref('dim_product') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

-- Several pieces of a product in an order are one order and one review.
product_orders as (
    select
        products.product_id,
        order_items.order_id,
        count(*) as items,
        sum(order_items.price) as revenue,
        sum(order_items.freight_value) as freight_amount
    from order_items
    inner join products
        on order_items.product_key = products.product_key
    group by products.product_id, order_items.order_id
),

sales as (
    select
        product_orders.product_id,
        count(*) as orders,
        sum(product_orders.items) as items,
        sum(product_orders.revenue) as revenue,
        sum(product_orders.freight_amount) as freight_amount,
        count(orders.review_score) as reviewed_orders,
        avg(orders.review_score) as avg_review_score,
        min(cast(orders.purchased_at as date)) as first_order_date,
        max(cast(orders.purchased_at as date)) as last_order_date
    from product_orders
    left join orders
        on product_orders.order_id = orders.order_id
    group by product_orders.product_id
),

performance as (
    select
        products.product_id,
        products.product_key,
        products.category_name,
        products.category_name_english,
        products.is_deleted,
        coalesce(sales.orders, 0) as orders,
        coalesce(sales.items, 0) as items,
        coalesce(sales.revenue, 0) as revenue,
        coalesce(sales.freight_amount, 0) as freight_amount,
        coalesce(sales.reviewed_orders, 0) as reviewed_orders,
        sales.avg_review_score,
        sales.first_order_date,
        sales.last_order_date
    from products
    left join sales
        on products.product_id = sales.product_id
    where products.is_current
),

final as (
    select
        product_id,
        product_key,
        category_name,
        category_name_english,
        is_deleted,
        orders,
        cast(items as bigint) as items,
        cast(revenue as decimal(18, 2)) as revenue,
        cast(freight_amount as decimal(18, 2)) as freight_amount,
        cast(revenue + freight_amount as decimal(18, 2)) as gmv,
        cast(revenue / nullif(items, 0) as decimal(18, 2)) as avg_price,
        reviewed_orders,
        cast(avg_review_score as decimal(9, 2)) as avg_review_score,
        first_order_date,
        last_order_date,
        rank() over (partition by category_name order by revenue desc) as category_rank,
        cast(
            revenue / nullif(sum(revenue) over (partition by category_name), 0) as decimal(9, 6)
        ) as category_revenue_share
    from performance
)

select * from final
