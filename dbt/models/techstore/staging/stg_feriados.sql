with

feriados as (
    select * from {{ current_rows('techstore_feriados', 'feriados') }}
),

renamed as (
    select
        fecha,
        lower(trim(tipo)) as tipo,
        nullif(trim(nombre), '') as nombre,
        _batch_id,
        _extracted_at
    from feriados
),

final as (
    select *
    from renamed
    where fecha is not null
    qualify row_number() over (
        partition by fecha, nombre
        order by tipo asc, _extracted_at desc
    ) = 1
)

select * from final
