with

productos as (
    select * from {{ ref('stg_productos') }}
    where activo and stock < 30
),

catalogo as (
    select * from {{ ref('stg_catalogo_proveedor') }}
),

final as (
    select
        productos.producto_id,
        productos.nombre as producto,
        productos.categoria,
        productos.stock,
        case
            when productos.stock <= 0 then 'SIN_STOCK'
            when productos.stock < 10 then 'CRITICO'
            else 'BAJO'
        end as nivel,
        productos.codigo_proveedor,
        catalogo.proveedor,
        catalogo.stock_proveedor,
        catalogo.precio_costo as precio_reposicion,
        coalesce(catalogo.disponible and catalogo.stock_proveedor > 0, false) as se_puede_reponer
    from productos
    left join catalogo
        on productos.codigo_proveedor = catalogo.codigo
)

select * from final
