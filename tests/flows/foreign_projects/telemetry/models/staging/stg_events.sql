select
    id as event_id,
    server_id,
    {{ event_macros.lower_name('name') }} as "EventName",
    duration_ms
from {{ source('app', 'events') }}
