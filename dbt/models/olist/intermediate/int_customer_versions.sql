-- A person is whoever has the same customer_unique_id. The customer of the newest purchase speaks
-- for the person, before customers that were taken out of the file.
with

versions as (
    select * from {{ ref('snap_customers') }}
),

newest_purchases as (
    select
        customer_id,
        max(purchased_at) as purchased_at
    from {{ ref('stg_orders') }}
    group by customer_id
),

speakers as (
    select
        versions.customer_unique_id,
        versions.customer_id
    from versions
    left join newest_purchases
        on versions.customer_id = newest_purchases.customer_id
    where versions.dbt_valid_to is null
    qualify row_number() over (
        partition by versions.customer_unique_id
        order by
            versions.dbt_is_deleted asc,
            newest_purchases.purchased_at desc nulls last,
            versions.customer_id asc
    ) = 1
),

periods as (
    select
        speakers.customer_unique_id,
        versions.customer_id,
        versions.zip_code_prefix,
        versions.city,
        versions.state,
        versions.dbt_is_deleted = 'True' as is_deleted,
        {{ version_period('versions.customer_id') }}
    from speakers
    inner join versions
        on speakers.customer_id = versions.customer_id
)

select
    {{ surrogate_key(['customer_unique_id', 'effective_from']) }} as customer_key,
    *
from periods
