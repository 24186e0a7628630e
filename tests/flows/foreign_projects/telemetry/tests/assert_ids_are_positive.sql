select * from {{ ref('stg_events') }} where event_id < 0
