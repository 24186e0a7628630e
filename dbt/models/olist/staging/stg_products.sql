with

products as (
    select * from {{ rows_as_of('olist_files', 'products') }}
),

renamed as (
    select
        nullif(trim(product_id), '') as product_id,
        lower(nullif(trim(product_category_name), '')) as category_name,
        product_name_lenght as name_length,
        product_description_lenght as description_length,
        product_photos_qty as photos,
        product_weight_g as weight_g,
        product_length_cm as length_cm,
        product_height_cm as height_cm,
        product_width_cm as width_cm,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence,
        _delivered_at
    from products
)

select * from renamed
