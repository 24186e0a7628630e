with

sensor_data as (
    select * from {{ current_rows('wells_files', 'sensor_data') }}
),

renamed as (
    select
        pozo,
        {{ utc_timestamp('timestamp') }} as ts,
        timestamp as texto,
        case
            when coalesce(trim(timestamp), '') = '' then 'falta la fecha'
            else {{ utc_timestamp_fault('timestamp') }}
        end as motivo,
        _source_file,
        _source_line,
        _delivery_sequence
    from sensor_data
)

select * from renamed
