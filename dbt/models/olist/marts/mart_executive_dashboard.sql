with

orders as (
    select * from {{ ref('fct_orders') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

sellers as (
    select * from {{ ref('dim_seller') }}
),

dates as (
    select
        date_key,
        full_date as order_date,
        cast(date_trunc('month', full_date) as date) as order_month
    from {{ ref('dim_date') }}
    where
        date_key between (select min(orders.order_date_key) from orders)
        and (select max(orders.order_date_key) from orders)
),

orders_of_day as (
    select
        orders.order_date_key,
        count(*) as orders,
        sum(orders.order_amount) as gmv,
        count(distinct customers.customer_unique_id) as customers
    from orders
    left join customers
        on orders.customer_key = customers.customer_key
    group by orders.order_date_key
),

items_of_day as (
    select
        order_items.order_date_key,
        count(*) as items,
        count(distinct products.product_id) as products,
        count(distinct sellers.seller_id) as sellers
    from order_items
    left join products
        on order_items.product_key = products.product_key
    left join sellers
        on order_items.seller_key = sellers.seller_key
    group by order_items.order_date_key
),

daily as (
    select
        dates.order_date,
        dates.order_month,
        coalesce(orders_of_day.orders, 0) as orders,
        coalesce(items_of_day.items, 0) as items,
        coalesce(orders_of_day.gmv, 0) as gmv,
        coalesce(orders_of_day.customers, 0) as customers,
        coalesce(items_of_day.products, 0) as products,
        coalesce(items_of_day.sellers, 0) as sellers
    from dates
    left join orders_of_day
        on dates.date_key = orders_of_day.order_date_key
    left join items_of_day
        on dates.date_key = items_of_day.order_date_key
),

totals_of_month as (
    select
        order_month,
        sum(orders) as orders,
        sum(gmv) as gmv
    from daily
    group by order_month
),

monthly as (
    select
        *,
        gmv / nullif(lag(gmv) over (order by order_month), 0) - 1 as gmv_growth
    from totals_of_month
),

final as (
    select
        daily.order_date,
        daily.order_month,
        daily.orders,
        daily.items,
        cast(daily.gmv as decimal(18, 2)) as gmv,
        daily.customers,
        daily.products,
        daily.sellers,
        cast(daily.gmv / nullif(daily.orders, 0) as decimal(18, 2)) as avg_order_value,
        cast(
            daily.gmv / nullif(lag(daily.gmv) over (order by daily.order_date), 0) - 1
            as decimal(18, 4)
        ) as gmv_growth,
        cast(monthly.orders as bigint) as month_orders,
        cast(monthly.gmv as decimal(18, 2)) as month_gmv,
        cast(monthly.gmv / nullif(monthly.orders, 0) as decimal(18, 2)) as month_avg_order_value,
        cast(monthly.gmv_growth as decimal(18, 4)) as month_gmv_growth
    from daily
    inner join monthly
        on daily.order_month = monthly.order_month
)

select * from final
