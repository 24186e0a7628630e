-- Every delivered row is loaded or rejected, and every loaded row is where its readers look, or is
-- missing there for a reason that has a column.
{%- set facts = {
    'orders': 'fct_orders',
    'order_items': 'fct_order_items',
    'order_payments': 'fct_payments',
    'order_reviews': 'fct_reviews',
} %}
{%- set versioned = ['customers', 'products', 'sellers'] %}
{%- set tables = facts.keys() | list + versioned + ['geolocation'] %}

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
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        count(*) as rows_staged
    from {{ ref('stg_' ~ table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
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
    {%- for table, fact in facts.items() %}
    select
        '{{ table }}' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref(fact) }}
    union all
    {%- endfor %}
    {%- for table in versioned %}
    select
        '{{ table }}' as table_name,
        count(*) as rows_reached,
        0 as rows_repeated
    from {{ ref('snap_' ~ table) }}
    where dbt_valid_to is null and dbt_is_deleted = 'False'
    union all
    {%- endfor %}
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
