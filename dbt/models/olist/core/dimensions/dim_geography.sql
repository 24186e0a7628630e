-- The median is not moved by a point that lies in the wrong place; points outside Brazil do not
-- count at all. The box is that of the mainland and its near islands.
with

points as (
    select distinct
        zip_code_prefix,
        latitude,
        longitude,
        city,
        state
    from {{ ref('stg_geolocation') }}
),

spellings as (
    select
        zip_code_prefix,
        city,
        state,
        count(*) as spelled
    from {{ ref('stg_geolocation') }}
    group by zip_code_prefix, city, state
),

names as (
    select
        zip_code_prefix,
        city,
        state,
        count(*) over (partition by zip_code_prefix) as spellings
    from spellings
    qualify row_number() over (
        partition by zip_code_prefix
        order by spelled desc, city asc, state asc
    ) = 1
),

places as (
    select
        zip_code_prefix,
        median(latitude) filter (where {{ in_brazil() }}) as latitude,
        median(longitude) filter (where {{ in_brazil() }}) as longitude,
        count(*) filter (where {{ in_brazil() }}) as points
    from points
    group by zip_code_prefix
),

states as (
    select * from {{ ref('estados_brasil') }}
)

select
    {{ surrogate_key(['names.zip_code_prefix']) }} as geography_key,
    names.zip_code_prefix,
    names.city,
    names.state,
    states.region,
    places.latitude,
    places.longitude,
    places.points,
    names.spellings
from names
inner join places
    on names.zip_code_prefix = places.zip_code_prefix
left join states
    on names.state = states.state
