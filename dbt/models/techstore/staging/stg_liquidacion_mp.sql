with

liquidaciones as (
    select * from {{ current_rows('techstore_sftp', 'liquidacion_mp') }}
    qualify operacion_mp is null or rank() over (
        partition by operacion_mp
        order by _delivery_sequence desc
    ) = 1
),

final as (
    select
        nullif(trim(operacion_mp), '') as operacion_mp,
        pedido_id,
        cast(
            try_strptime(trim(fecha_operacion), ['%Y-%m-%d', '%d/%m/%Y', '%Y-%m-%d %H:%M:%S'])
            as date
        ) as fecha_operacion,
        cast(
            try_strptime(trim(fecha_liquidacion), ['%Y-%m-%d', '%d/%m/%Y', '%Y-%m-%d %H:%M:%S'])
            as date
        ) as fecha_liquidacion,
        monto_bruto,
        comision_mp,
        iva_comision,
        retencion_iibb,
        monto_neto,
        lower(trim(estado)) as estado,
        cuotas,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line
    from liquidaciones
)

select * from final
