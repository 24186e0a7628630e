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

blue as (
    select
        venta,
        fecha as vigente_desde,
        lead(fecha) over (order by fecha) as vigente_hasta
    from {{ ref('stg_dolar') }}
    where casa = 'blue' and venta > 0
),

ventas as (
    select
        cast(date_trunc('month', pedidos.fecha) as date) as mes,
        pedidos.pedido_id,
        pedidos.cliente_id,
        coalesce(importes.revenue, 0) as revenue,
        cast(coalesce(importes.revenue, 0) / blue.venta as decimal(18, 6)) as revenue_usd
    from pedidos
    left join importes
        on pedidos.pedido_id = importes.pedido_id
    left join blue
        on
            pedidos.fecha >= blue.vigente_desde
            and (pedidos.fecha < blue.vigente_hasta or blue.vigente_hasta is null)
),

-- A month with an order that has no quote yet has no total in dollars: a part of it would mislead.
final as (
    select
        mes,
        cast(count(*) as integer) as pedidos,
        cast(sum(revenue) as decimal(18, 2)) as revenue,
        cast(round(sum(revenue) / count(*), 2) as decimal(18, 2)) as ticket_promedio,
        cast(count(distinct cliente_id) as integer) as clientes_unicos,
        cast(
            case when count(revenue_usd) = count(*) then round(sum(revenue_usd), 2) end
            as decimal(18, 2)
        ) as revenue_usd
    from ventas
    group by mes
)

select * from final
