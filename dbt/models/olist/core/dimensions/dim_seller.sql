with

versions as (
    select * from {{ ref('int_seller_versions') }}
),

states as (
    select * from {{ ref('estados_brasil') }}
)

select
    versions.seller_key,
    versions.seller_id,
    versions.zip_code_prefix,
    versions.city,
    versions.state,
    states.region,
    versions.is_deleted,
    versions.effective_from,
    versions.effective_to,
    versions.is_current
from versions
left join states
    on versions.state = states.state
