with

envios as (
    select * from {{ current_rows('techstore_sftp', 'envios_courier') }}
    qualify envio_id is null or rank() over (
        partition by envio_id
        order by _delivery_sequence desc
    ) = 1
),

renamed as (
    select
        nullif(trim(envio_id), '') as envio_id,
        pedido_id,
        nullif(trim(courier), '') as courier,
        nullif(trim(tracking_code), '') as tracking_code,
        nullif(trim(destino_ciudad), '') as destino_ciudad,
        peso_kg,
        costo_envio,
        lower(trim(estado_actual)) as estado_actual,
        fecha_estimada_entrega,
        _batch_id,
        _extracted_at,
        _source_file
    from envios
),

eventos as (
    select
        envio_id,
        cast(min(fecha) as date) as fecha_despacho,
        cast(min(case when estado = 'entregado' then fecha end) as date) as fecha_entrega
    from {{ ref('stg_envios_tracking') }}
    group by envio_id
),

feriados as (
    select distinct fecha from {{ ref('stg_feriados') }}
),

dias as (
    select
        cast(
            unnest(generate_series(min(fecha_despacho), max(fecha_entrega), interval 1 day))
            as date
        ) as fecha
    from eventos
),

calendario as (
    select
        dias.fecha,
        sum(case when isodow(dias.fecha) < 6 and feriados.fecha is null then 1 else 0 end)
            over (order by dias.fecha) as dias_habiles
    from dias
    left join feriados
        on dias.fecha = feriados.fecha
),

final as (
    select
        renamed.envio_id,
        renamed.pedido_id,
        renamed.courier,
        renamed.tracking_code,
        renamed.destino_ciudad,
        renamed.peso_kg,
        renamed.costo_envio,
        renamed.estado_actual,
        renamed.fecha_estimada_entrega,
        eventos.fecha_despacho,
        eventos.fecha_entrega,
        cast(hasta.dias_habiles - desde.dias_habiles as integer) as dias_habiles_entrega,
        renamed._batch_id,
        renamed._extracted_at,
        renamed._source_file
    from renamed
    left join eventos
        on renamed.envio_id = eventos.envio_id
    left join calendario as desde
        on eventos.fecha_despacho = desde.fecha
    left join calendario as hasta
        on eventos.fecha_entrega = hasta.fecha
)

select * from final
