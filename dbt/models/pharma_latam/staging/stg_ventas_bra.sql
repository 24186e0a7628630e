with

ventas as (
    select * from {{ current_rows('pharma_files', 'ventas_bra') }}
),

renamed as (
    select
        nullif(trim(invoice_id), '') as invoice_id,
        fecha,
        nullif(trim(produto_cod), '') as producto_cod,
        quantidade as cantidad,
        preco_unit as precio_unit,
        nullif(trim(moeda), '') as moneda,
        'BRA' as pais,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from ventas
)

select * from renamed
