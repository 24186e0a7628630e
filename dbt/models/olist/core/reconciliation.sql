-- Every delivered row is loaded or rejected, and every loaded row is where its readers look, or is
-- missing there for a reason that has a column.
with

loads as (
    select
        load_log.table_name,
        sum(load_log.rows_delivered) as rows_delivered,
        sum(load_log.rows_rejected) as rows_rejected,
        sum(load_log.rows_loaded) as rows_loaded
    from etl.load_log
    where
        load_log.source_name = 'olist_files'
        and load_log.delivery_id in (
            select current_batches.sequence
            from etl.current_batches
            where current_batches.source_name = 'olist_files'
        )
    group by load_log.table_name
),

staged as (
    select
        'orders' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_orders') }}
    union all
    select
        'order_items' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_order_items') }}
    union all
    select
        'order_payments' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_order_payments') }}
    union all
    select
        'order_reviews' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_order_reviews') }}
    union all
    select
        'customers' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_customers') }}
    union all
    select
        'products' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_products') }}
    union all
    select
        'sellers' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_sellers') }}
    union all
    select
        'geolocation' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_geolocation') }}
),

excluded as (
    select
        table_name,
        count(*) as rows_excluded
    from {{ ref('excluded_rows') }}
    group by table_name
),

points as (
    select
        zip_code_prefix,
        latitude,
        longitude,
        city,
        state,
        count(*) as times
    from {{ ref('stg_geolocation') }}
    group by zip_code_prefix, latitude, longitude, city, state
),

reached as (
    select
        'orders' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('fct_orders') }}
    union all
    select
        'order_items' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('fct_order_items') }}
    union all
    select
        'order_payments' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('fct_payments') }}
    union all
    select
        'order_reviews' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('fct_reviews') }}
    union all
    select
        'customers' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('snap_customers') }}
    where dbt_valid_to is null and dbt_is_deleted = 'False'
    union all
    select
        'products' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('snap_products') }}
    where dbt_valid_to is null and dbt_is_deleted = 'False'
    union all
    select
        'sellers' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('snap_sellers') }}
    where dbt_valid_to is null and dbt_is_deleted = 'False'
    union all
    select
        'geolocation' as table_name,
        count(*) as rows_reached,
        sum(times - 1) as rows_repeated
    from points
),

balanced as (
    select
        staged.table_name,
        cast(coalesce(loads.rows_delivered, 0) as bigint) as rows_delivered,
        cast(coalesce(loads.rows_rejected, 0) as bigint) as rows_rejected,
        cast(coalesce(loads.rows_loaded, 0) as bigint) as rows_loaded,
        cast(coalesce(loads.rows_loaded, 0) - staged.rows_staged as bigint) as rows_superseded,
        staged.rows_staged,
        coalesce(excluded.rows_excluded, 0) as rows_excluded,
        cast(reached.rows_repeated as bigint) as rows_repeated,
        reached.rows_reached
    from staged
    inner join reached
        on staged.table_name = reached.table_name
    left join loads
        on staged.table_name = loads.table_name
    left join excluded
        on staged.table_name = excluded.table_name
)

select
    *,
    cast(rows_delivered - rows_rejected - rows_loaded as bigint) as unaccounted_loading,
    cast(rows_staged - rows_excluded - rows_repeated - rows_reached as bigint)
        as unaccounted_building
from balanced
