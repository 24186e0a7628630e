with

lecturas as (
    select * from {{ ref('int_lecturas_por_sensor') }}
),

final as (
    select
        pozo,
        numero_equipo,
        sensor
    from lecturas
    where numero_equipo is not null and lecturas_validas > 0
)

select * from final
