-- Not only the newest delivery: an order that changes hands changes its former person too.
with

orders as (
    select * from {{ source('olist_files', 'orders') }}
),

renamed as (
    select distinct
        nullif(trim(order_id), '') as order_id,
        nullif(trim(customer_id), '') as customer_id
    from orders
)

select * from renamed
