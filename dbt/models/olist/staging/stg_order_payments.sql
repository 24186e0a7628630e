with

order_payments as (
    select * from {{ current_rows('olist_files', 'order_payments') }}
),

renamed as (
    select
        nullif(trim(order_id), '') as order_id,
        payment_sequential,
        lower(nullif(trim(payment_type), '')) as payment_type,
        payment_installments,
        payment_value,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from order_payments
)

select * from renamed
