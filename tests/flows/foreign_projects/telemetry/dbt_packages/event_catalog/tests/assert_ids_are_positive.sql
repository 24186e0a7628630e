{{ config(severity='warn') }}

select * from {{ ref('event_names') }} where event_id < 0
