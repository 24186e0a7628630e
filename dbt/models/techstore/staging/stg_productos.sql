with

productos as (
    select * from {{ current_rows('techstore_mysql', 'productos') }}
),

final as (
    select
        producto_id,
        nullif(trim(nombre), '') as nombre,
        nullif(trim(categoria), '') as categoria,
        precio_unitario,
        costo,
        cast(
            round(100 * (precio_unitario - costo) / nullif(precio_unitario, 0), 2)
            as decimal(9, 2)
        ) as margen_pct,
        stock,
        coalesce(activo, 0) <> 0 as activo,
        nullif(trim(codigo_proveedor), '') as codigo_proveedor,
        _batch_id,
        _extracted_at
    from productos
)

select * from final
