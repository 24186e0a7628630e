with

lineas as (
    select
        pedido_id,
        sum(subtotal) as subtotales
    from {{ ref('stg_detalle_pedidos') }}
    group by pedido_id
)

select
    pedidos.pedido_id,
    pedidos.total,
    lineas.subtotales
from {{ ref('stg_pedidos') }} as pedidos
left join lineas
    on pedidos.pedido_id = lineas.pedido_id
where coalesce(pedidos.total, 0) <> coalesce(lineas.subtotales, 0)
