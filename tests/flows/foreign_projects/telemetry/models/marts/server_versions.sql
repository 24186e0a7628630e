select server_id, cast(version as integer) as major_version from {{ ref('stg_servers') }}
