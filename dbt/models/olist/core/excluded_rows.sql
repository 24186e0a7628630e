-- Rows that name a key which nobody delivered: they stay out of the facts until the key comes.
with

orders as (
    select
        'orders' as table_name,
        order_id,
        cast(null as varchar) as row_key,
        exclusion_reason,
        missing_key,
        _batch_id,
        _source_file,
        _source_line
    from {{ ref('int_orders_judged') }}
),

items as (
    select
        'order_items' as table_name,
        order_id,
        cast(order_item_id as varchar) as row_key,
        exclusion_reason,
        missing_key,
        _batch_id,
        _source_file,
        _source_line
    from {{ ref('int_order_items_judged') }}
),

payments as (
    select
        'order_payments' as table_name,
        order_id,
        cast(payment_sequential as varchar) as row_key,
        exclusion_reason,
        missing_key,
        _batch_id,
        _source_file,
        _source_line
    from {{ ref('int_order_payments_judged') }}
),

reviews as (
    select
        'order_reviews' as table_name,
        order_id,
        review_id as row_key,
        exclusion_reason,
        missing_key,
        _batch_id,
        _source_file,
        _source_line
    from {{ ref('int_order_reviews_judged') }}
),

rows_of_orders as (
    select * from orders
    union all
    select * from items
    union all
    select * from payments
    union all
    select * from reviews
)

select * from rows_of_orders
where exclusion_reason is not null
