with

modelos as (
    select cast(null as varchar) as pais
    {%- for pais in unlisted_countries() %}
    union all
    select '{{ pais }}' as pais
    {%- endfor %}
)

select pais
from modelos
where pais is not null
