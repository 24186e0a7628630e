with

category_translation as (
    select * from {{ current_rows('olist_files', 'category_translation') }}
),

renamed as (
    select
        lower(nullif(trim(product_category_name), '')) as category_name,
        lower(nullif(trim(product_category_name_english), '')) as category_name_english,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from category_translation
)

select * from renamed
