select event_name, count(*) as events from {{ ref('fct_events', v=2) }} group by event_name
