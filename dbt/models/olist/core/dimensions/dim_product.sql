with

versions as (
    select * from {{ ref('int_product_versions') }}
),

categories as (
    select * from {{ ref('dim_category') }}
)

select
    versions.product_key,
    versions.product_id,
    categories.category_key,
    categories.category_name,
    categories.category_name_english,
    versions.name_length,
    versions.description_length,
    versions.photos,
    versions.weight_g,
    versions.length_cm,
    versions.height_cm,
    versions.width_cm,
    versions.length_cm * versions.height_cm * versions.width_cm as volume_cm3,
    versions.is_deleted,
    versions.effective_from,
    versions.effective_to,
    versions.is_current
from versions
inner join categories
    on coalesce(versions.category_name, 'sem_categoria') = categories.category_name
