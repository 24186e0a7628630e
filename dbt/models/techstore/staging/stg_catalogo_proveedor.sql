with

catalogo as (
    select * from {{ current_rows('techstore_sftp', 'catalogo_proveedor') }}
),

final as (
    select
        nullif(trim(codigo), '') as codigo,
        nullif(trim(nombre), '') as nombre,
        nullif(trim(categoria), '') as categoria,
        nullif(trim(marca), '') as marca,
        precio_lista,
        precio_costo,
        stock_proveedor,
        case
            when lower(trim(disponible)) in ('si', 'sí') then true
            when lower(trim(disponible)) = 'no' then false
        end as disponible,
        nullif(trim(proveedor), '') as proveedor,
        cast(
            try_strptime(trim(fecha), ['%Y-%m-%d', '%d/%m/%Y', '%Y-%m-%d %H:%M:%S'])
            as date
        ) as fecha_catalogo,
        _batch_id,
        _extracted_at,
        _source_file
    from catalogo
)

select * from final
