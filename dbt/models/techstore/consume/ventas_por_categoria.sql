with

lineas as (
    select * from {{ ref('stg_detalle_pedidos') }}
),

pedidos as (
    select * from {{ ref('stg_pedidos') }}
    where es_venta
),

productos as (
    select * from {{ ref('stg_productos') }}
),

final as (
    select
        coalesce(productos.categoria, 'sin categoría') as categoria,
        cast(count(distinct lineas.pedido_id) as integer) as pedidos,
        cast(sum(lineas.cantidad) as bigint) as unidades,
        cast(sum(lineas.subtotal) as decimal(18, 2)) as revenue,
        cast(round(avg(productos.margen_pct), 2) as decimal(9, 2)) as margen_promedio_pct
    from lineas
    inner join pedidos
        on lineas.pedido_id = pedidos.pedido_id
    left join productos
        on lineas.producto_id = productos.producto_id
    group by coalesce(productos.categoria, 'sin categoría')
)

select * from final
