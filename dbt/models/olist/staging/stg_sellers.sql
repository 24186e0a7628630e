with

sellers as (
    select * from {{ rows_as_of('olist_files', 'sellers') }}
),

renamed as (
    select
        nullif(trim(seller_id), '') as seller_id,
        {{ zip_prefix('seller_zip_code_prefix') }} as zip_code_prefix,
        lower(nullif(trim(seller_city), '')) as city,
        upper(nullif(trim(seller_state), '')) as state,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence,
        _delivered_at
    from sellers
)

select * from renamed
