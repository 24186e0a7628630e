with

ventas as (
    select * from {{ current_rows('pharma_files', 'ventas_arg') }}
),

renamed as (
    select
        nullif(trim(invoice_id), '') as invoice_id,
        fecha,
        nullif(trim(producto_cod), '') as producto_cod,
        cantidad,
        precio_unit,
        nullif(trim(moneda), '') as moneda,
        'ARG' as pais,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from ventas
)

select * from renamed
