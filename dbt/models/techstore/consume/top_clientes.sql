with

pedidos as (
    select * from {{ ref('stg_pedidos') }}
    where es_venta
),

importes as (
    select
        pedido_id,
        sum(subtotal) as revenue
    from {{ ref('stg_detalle_pedidos') }}
    group by pedido_id
),

clientes as (
    select * from {{ ref('stg_clientes') }}
),

compras as (
    select
        pedidos.cliente_id,
        count(*) as compras,
        sum(coalesce(importes.revenue, 0)) as total_gastado,
        min(pedidos.fecha) as primera_compra,
        max(pedidos.fecha) as ultima_compra
    from pedidos
    left join importes
        on pedidos.pedido_id = importes.pedido_id
    group by pedidos.cliente_id
),

final as (
    select
        clientes.nombre as cliente,
        clientes.ciudad,
        clientes.email,
        cast(compras.compras as integer) as compras,
        cast(compras.total_gastado as decimal(18, 2)) as total_gastado,
        cast(round(compras.total_gastado / compras.compras, 2) as decimal(18, 2))
            as ticket_promedio,
        compras.primera_compra,
        compras.ultima_compra
    from compras
    inner join clientes
        on compras.cliente_id = clientes.cliente_id
    order by compras.total_gastado desc, compras.compras desc, compras.cliente_id asc
    limit 20
)

select * from final
