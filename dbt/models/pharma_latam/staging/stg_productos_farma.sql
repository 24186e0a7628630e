with

productos as (
    select * from {{ current_rows('pharma_files', 'productos') }}
),

renamed as (
    select
        nullif(trim(producto_cod), '') as producto_cod,
        trim(nombre) as nombre,
        trim(laboratorio) as laboratorio,
        trim(categoria_terapeutica) as categoria_terapeutica,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line
    from productos
)

select * from renamed
