select major_version, count(*) as servers from {{ ref('server_versions') }} group by major_version
