-- Also of those that were taken out of the file: their items stay sold.
with

order_items as (
    select * from {{ ref('fct_order_items') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

sellers as (
    select * from {{ ref('dim_seller') }}
),

sold as (
    select
        'product' as sold_as,
        coalesce(products.product_id, order_items.product_key) as id,
        sum(order_items.total_amount) as gmv
    from order_items
    left join products
        on order_items.product_key = products.product_key
    group by coalesce(products.product_id, order_items.product_key)
    union all
    select
        'seller' as sold_as,
        coalesce(sellers.seller_id, order_items.seller_key) as id,
        sum(order_items.total_amount) as gmv
    from order_items
    left join sellers
        on order_items.seller_key = sellers.seller_key
    group by coalesce(sellers.seller_id, order_items.seller_key)
),

shown as (
    select
        'product' as sold_as,
        product_id as id,
        gmv
    from {{ ref('mart_product_performance') }}
    union all
    select
        'seller' as sold_as,
        seller_id as id,
        gmv
    from {{ ref('mart_seller_scorecard') }}
)

select
    coalesce(sold.sold_as, shown.sold_as) as sold_as,
    coalesce(sold.id, shown.id) as id,
    coalesce(sold.gmv, 0) as gmv_of_items,
    coalesce(shown.gmv, 0) as gmv_of_mart
from sold
full outer join shown
    on
        sold.sold_as = shown.sold_as
        and sold.id = shown.id
where coalesce(sold.gmv, 0) <> coalesce(shown.gmv, 0)
