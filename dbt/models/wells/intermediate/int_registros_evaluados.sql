with

registros as (
    select * from {{ ref('stg_registros') }}
),

periodos as (
    select * from {{ ref('int_periodos_equipo') }}
),

ordenados as (
    select
        *,
        row_number() over (
            partition by pozo, ts
            order by _delivery_sequence desc, _source_file desc, _source_line desc
        ) as orden
    from registros
),

final as (
    select
        ordenados.pozo,
        ordenados.ts,
        periodos.numero_equipo,
        case
            when ordenados.motivo is not null then ordenados.motivo
            when ordenados.orden > 1 then 'momento repetido en el pozo'
        end as motivo,
        case when ordenados.motivo is not null or ordenados.orden > 1 then ordenados.texto end
            as texto,
        ordenados._source_file,
        ordenados._source_line
    from ordenados
    left join periodos
        on
            ordenados.pozo = periodos.pozo
            and ordenados.ts >= periodos.desde
            and ordenados.ts < periodos.hasta
)

select * from final
