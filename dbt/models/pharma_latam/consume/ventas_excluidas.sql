with

ventas as (
    select * from {{ ref('int_ventas_evaluadas') }}
    where motivo is not null
),

final as (
    select
        invoice_id,
        pais,
        motivo,
        fecha,
        producto_cod,
        cantidad,
        precio_unit,
        moneda,
        _source_file,
        _source_line
    from ventas
)

select * from final
