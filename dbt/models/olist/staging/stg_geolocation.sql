with

geolocation as (
    select * from {{ current_rows('olist_files', 'geolocation') }}
),

renamed as (
    select
        {{ zip_prefix('geolocation_zip_code_prefix') }} as zip_code_prefix,
        geolocation_lat as latitude,
        geolocation_lng as longitude,
        lower(nullif(trim(geolocation_city), '')) as city,
        upper(nullif(trim(geolocation_state), '')) as state,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from geolocation
)

select * from renamed
