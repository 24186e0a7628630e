with

order_items as (
    select * from {{ current_rows('olist_files', 'order_items') }}
),

renamed as (
    select
        nullif(trim(order_id), '') as order_id,
        order_item_id,
        nullif(trim(product_id), '') as product_id,
        nullif(trim(seller_id), '') as seller_id,
        shipping_limit_date as shipping_limit_at,
        price,
        freight_value,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from order_items
)

select * from renamed
