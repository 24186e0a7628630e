with

clientes as (
    select * from {{ current_rows('techstore_mysql', 'clientes') }}
),

renamed as (
    select
        cliente_id,
        nullif(trim(nombre), '') as nombre,
        nullif(lower(trim(email)), '') as email,
        nullif(trim(ciudad), '') as ciudad,
        fecha_alta,
        lower(trim(estado)) as estado,
        nullif(trim(telefono), '') as telefono,
        _batch_id,
        _extracted_at
    from clientes
),

final as (
    select
        cliente_id,
        nombre,
        email,
        -- An empty partition is no group: clients without e-mail share nothing.
        email is not null and count(*) over (partition by email) > 1 as email_compartido,
        ciudad,
        fecha_alta,
        estado,
        telefono,
        _batch_id,
        _extracted_at
    from renamed
)

select * from final
