select server_id, count(*) as events from {{ ref('stg_events') }} group by server_id order by 2 desc
