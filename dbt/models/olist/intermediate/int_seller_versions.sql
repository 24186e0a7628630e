with

versions as (
    select * from {{ ref('snap_sellers') }}
),

periods as (
    select
        versions.seller_id,
        versions.zip_code_prefix,
        versions.city,
        versions.state,
        versions.dbt_is_deleted = 'True' as is_deleted,
        {{ version_period('versions.seller_id') }}
    from versions
)

select
    {{ surrogate_key(['seller_id', 'effective_from']) }} as seller_key,
    *
from periods
