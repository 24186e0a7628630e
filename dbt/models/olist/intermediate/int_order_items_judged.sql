-- Each item with its order; the reason says why an item stays out of the facts.
with

items as (
    select * from {{ ref('stg_order_items') }}
),

orders as (
    select * from {{ ref('int_orders_judged') }}
),

products as (
    select distinct product_id from {{ ref('snap_products') }}
),

sellers as (
    select distinct seller_id from {{ ref('snap_sellers') }}
),

judged as (
    select
        items.*,
        orders.order_id is null as has_no_order,
        orders.exclusion_reason is not null as is_of_excluded_order,
        products.product_id is null as has_no_product,
        sellers.seller_id is null as has_no_seller
    from items
    left join orders
        on items.order_id = orders.order_id
    left join products
        on items.product_id = products.product_id
    left join sellers
        on items.seller_id = sellers.seller_id
)

select
    * exclude (has_no_order, is_of_excluded_order, has_no_product, has_no_seller),
    case
        when has_no_order then 'order_unknown'
        when is_of_excluded_order then 'order_excluded'
        when has_no_product then 'product_unknown'
        when has_no_seller then 'seller_unknown'
    end as exclusion_reason,
    case
        when has_no_order or is_of_excluded_order then order_id
        when has_no_product then product_id
        when has_no_seller then seller_id
    end as missing_key
from judged
