with

customers as (
    select * from {{ rows_as_of('olist_files', 'customers') }}
),

renamed as (
    select
        nullif(trim(customer_id), '') as customer_id,
        nullif(trim(customer_unique_id), '') as customer_unique_id,
        {{ zip_prefix('customer_zip_code_prefix') }} as zip_code_prefix,
        lower(nullif(trim(customer_city), '')) as city,
        upper(nullif(trim(customer_state), '')) as state,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence,
        _delivered_at
    from customers
)

select * from renamed
