with

sensor_data as (
    select
        {{ all_but(['timestamp']) }},
        {{ utc_timestamp('timestamp') }} as ts
    from {{ current_rows('wells_files', 'sensor_data') }}
    -- A line without a moment is rejected whole: stg_registros.
    where {{ utc_timestamp('timestamp') }} is not null
),

largas as (
    select * from {{ long_readings('sensor_data', fixed=[
        'pozo', 'ts', '_batch_id', '_extracted_at', '_source_file', '_source_line',
        '_delivery_sequence',
    ]) }}
),

convertidas as (
    select
        *,
        {{ number_of_text('texto') }} as numero
    from largas
),

final as (
    select
        pozo,
        ts,
        sensor,
        case when {{ is_finite('numero') }} and not contains(texto, '_') then numero end as valor,
        texto,
        _source_file,
        _source_line,
        _delivery_sequence
    from convertidas
    where numero is not null or trim(texto) <> ''
)

select * from final
