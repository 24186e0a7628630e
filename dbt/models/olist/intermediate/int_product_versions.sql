with

versions as (
    select * from {{ ref('snap_products') }}
),

periods as (
    select
        versions.product_id,
        versions.category_name,
        versions.name_length,
        versions.description_length,
        versions.photos,
        versions.weight_g,
        versions.length_cm,
        versions.height_cm,
        versions.width_cm,
        versions.dbt_is_deleted = 'True' as is_deleted,
        {{ version_period('versions.product_id') }}
    from versions
)

select
    {{ surrogate_key(['product_id', 'effective_from']) }} as product_key,
    *
from periods
