select *
from {{ ref('stg_geolocation') }}
where not ({{ in_brazil() }})
