with

pedidos as (
    select * from {{ ref('stg_pedidos') }}
),

-- Each side is summed up by order before they meet: two payments must not double the order.
banco as (
    select
        pedido_id,
        sum(monto) as monto_banco,
        sum(comision_bancaria) as comisiones_banco
    from {{ ref('stg_pagos_banco') }}
    group by pedido_id
),

mp as (
    select
        pedido_id,
        sum(monto_bruto) as monto_mp,
        sum(comision_mp) as comisiones_mp
    from {{ ref('stg_liquidacion_mp') }}
    group by pedido_id
),

cobros as (
    select
        coalesce(banco.pedido_id, mp.pedido_id) as pedido_id,
        banco.monto_banco,
        banco.comisiones_banco,
        mp.monto_mp,
        mp.comisiones_mp
    from banco
    full outer join mp
        on banco.pedido_id = mp.pedido_id
),

conciliados as (
    select
        pedidos.pedido_id,
        case
            when pedidos.pedido_id is null then 'sin pedido'
            else coalesce(pedidos.metodo_pago, 'sin informar')
        end as metodo_pago,
        coalesce(pedidos.total, 0) as monto_pedidos,
        coalesce(cobros.monto_banco, 0) as monto_banco,
        coalesce(cobros.monto_mp, 0) as monto_mp,
        coalesce(cobros.comisiones_mp, 0) as comisiones_mp,
        coalesce(cobros.comisiones_banco, 0) as comisiones_banco
    from pedidos
    full outer join cobros
        on pedidos.pedido_id = cobros.pedido_id
),

final as (
    select
        metodo_pago,
        cast(count(pedido_id) as integer) as transacciones,
        cast(sum(monto_pedidos) as decimal(18, 2)) as monto_pedidos,
        cast(sum(monto_banco) as decimal(18, 2)) as monto_banco,
        cast(sum(monto_mp) as decimal(18, 2)) as monto_mp,
        cast(sum(comisiones_mp) as decimal(18, 2)) as comisiones_mp,
        cast(sum(comisiones_banco) as decimal(18, 2)) as comisiones_banco,
        cast(
            round(100 * sum(monto_banco + monto_mp) / nullif(sum(monto_pedidos), 0), 2)
            as decimal(9, 2)
        ) as pct_conciliado
    from conciliados
    group by metodo_pago
)

select * from final
