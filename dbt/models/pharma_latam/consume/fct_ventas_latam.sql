with

ventas as (
    select * from {{ ref('int_ventas_evaluadas') }}
    where motivo is null
),

productos as (
    select * from {{ ref('stg_productos_farma') }}
),

tipo_cambio as (
    select
        moneda,
        a_usd,
        fecha as vigente_desde,
        lead(fecha) over (partition by moneda order by fecha) as vigente_hasta
    from {{ ref('tipo_cambio') }}
),

-- Left joins: what does not resolve stays visible and fails a test, instead of missing.
final as (
    select
        ventas.invoice_id,
        ventas.fecha,
        ventas.pais,
        ventas.producto_cod,
        productos.nombre as producto_nombre,
        productos.laboratorio,
        productos.categoria_terapeutica,
        ventas.cantidad,
        ventas.precio_unit,
        ventas.moneda,
        cast(
            round(ventas.precio_unit * tipo_cambio.a_usd, 4) as decimal(18, 4)
        ) as precio_unit_usd,
        cast(
            round(ventas.cantidad * ventas.precio_unit, 2) as decimal(18, 2)
        ) as venta_total_local,
        cast(
            round(ventas.cantidad * ventas.precio_unit * tipo_cambio.a_usd, 2) as decimal(18, 2)
        ) as venta_total_usd
    from ventas
    left join productos
        on ventas.producto_cod = productos.producto_cod
    left join tipo_cambio
        on
            ventas.moneda = tipo_cambio.moneda
            and ventas.fecha >= tipo_cambio.vigente_desde
            and (ventas.fecha < tipo_cambio.vigente_hasta or tipo_cambio.vigente_hasta is null)
)

select * from final
