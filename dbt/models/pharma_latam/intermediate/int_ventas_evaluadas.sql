with

ventas as (
    select * from {{ ref('int_ventas_unidas') }}
),

completadas as (
    select
        *,
        case
            when precio_unit is null then 'sin precio'
            when cantidad is null then 'sin cantidad'
        end as falta
    from ventas
),

ordenadas as (
    select
        *,
        -- By country too: two countries with the same number must reach the fact's unique test.
        row_number() over (
            partition by pais, invoice_id, falta is null
            order by
                _delivery_sequence desc nulls last,
                _extracted_at desc nulls last,
                _source_file desc,
                _source_line asc
        ) as orden
    from completadas
),

final as (
    select
        invoice_id,
        fecha,
        producto_cod,
        cantidad,
        precio_unit,
        moneda,
        pais,
        case
            when falta is not null then falta
            when orden > 1 then 'factura repetida'
        end as motivo,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line
    from ordenadas
)

select * from final
