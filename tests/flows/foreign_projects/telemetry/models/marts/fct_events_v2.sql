select event_id, "EventName" as event_name from {{ ref('stg_events') }}
