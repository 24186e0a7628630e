with

actuales as (
    select
        *,
        try_cast(fechaactualizacion as timestamptz) as cotizado_en
    from {{ current_rows('techstore_dolar', 'dolar') }}
),

historicas as (
    select * from {{ current_rows('techstore_dolar', 'dolar_historico') }}
),

cotizaciones as (
    select
        lower(trim(casa)) as casa,
        fecha,
        compra,
        venta,
        true as es_historica,
        cast(fecha as timestamp) as cotizado_at,
        _batch_id,
        _extracted_at
    from historicas
    union all
    select
        lower(trim(casa)) as casa,
        -- A quote of the evening belongs to that day in Buenos Aires, not to the next one in UTC.
        cast(timezone('America/Argentina/Buenos_Aires', cotizado_en) as date) as fecha,
        compra,
        venta,
        false as es_historica,
        timezone('UTC', cotizado_en) as cotizado_at,
        _batch_id,
        _extracted_at
    from actuales
),

-- The closing quote of the history wins over one that was taken during the day.
elegidas as (
    select *
    from cotizaciones
    where casa is not null and fecha is not null
    qualify row_number() over (
        partition by casa, fecha
        order by es_historica desc, cotizado_at desc, _extracted_at desc, venta desc
    ) = 1
),

final as (
    select
        casa,
        fecha,
        compra,
        venta,
        es_historica,
        _batch_id,
        _extracted_at
    from elegidas
)

select * from final
