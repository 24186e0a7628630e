with

eventos as (
    select * from {{ ref('eventos') }}
),

registros as (
    select * from {{ ref('int_registros_evaluados') }}
    where motivo is null
),

ultimas as (
    select
        pozo,
        max(ts) as ultima_lectura
    from registros
    group by pozo
),

-- An open event lasts to the well's last reading, or to the last of all if it has none.
cerrados as (
    select
        eventos.pozo,
        eventos.fecha_inicio as inicio,
        coalesce(
            eventos.fecha_fin,
            ultimas.ultima_lectura,
            (select max(registros.ts) from registros)
        ) as fin
    from eventos
    left join ultimas
        on eventos.pozo = ultimas.pozo
),

marcados as (
    select
        *,
        coalesce(
            inicio > max(fin) over (
                partition by pozo
                order by inicio, fin
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as es_nuevo
    from cerrados
    where fin > inicio
),

agrupados as (
    select
        *,
        count_if(es_nuevo) over (
            partition by pozo
            order by inicio, fin
            rows between unbounded preceding and current row
        ) as paro
    from marcados
),

final as (
    select
        pozo,
        min(inicio) as inicio,
        max(fin) as fin
    from agrupados
    group by pozo, paro
)

select * from final
