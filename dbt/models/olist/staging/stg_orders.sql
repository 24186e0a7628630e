with

orders as (
    select * from {{ current_rows('olist_files', 'orders') }}
),

renamed as (
    select
        nullif(trim(order_id), '') as order_id,
        nullif(trim(customer_id), '') as customer_id,
        lower(nullif(trim(order_status), '')) as order_status,
        order_purchase_timestamp as purchased_at,
        order_approved_at as approved_at,
        order_delivered_carrier_date as delivered_to_carrier_at,
        order_delivered_customer_date as delivered_to_customer_at,
        cast(order_estimated_delivery_date as date) as estimated_delivery_date,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from orders
)

select * from renamed
