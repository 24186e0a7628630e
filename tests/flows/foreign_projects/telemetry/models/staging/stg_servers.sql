select server_id, version from {{ source('app', 'servers') }}
