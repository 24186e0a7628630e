with

translations as (
    select distinct on (category_name)
        category_name,
        category_name_english
    from {{ ref('stg_category_translation') }}
    order by category_name, category_name_english
),

used as (
    select coalesce(category_name, 'sem_categoria') as category_name
    from {{ ref('snap_products') }}
    union
    select category_name from translations
    union
    select 'sem_categoria'
)

select
    {{ surrogate_key(['used.category_name']) }} as category_key,
    used.category_name,
    case
        when used.category_name = 'sem_categoria' then 'no_category'
        else translations.category_name_english
    end as category_name_english,
    translations.category_name is not null as is_translated
from used
left join translations
    on used.category_name = translations.category_name
