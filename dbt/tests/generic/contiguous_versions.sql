{% test contiguous_versions(model, key) %}

with

versions as (
    select
        {{ key }},
        effective_from,
        effective_to,
        is_current,
        lead(effective_from) over following as next_from,
        row_number() over following as version
    from {{ model }}
    window following as (partition by {{ key }} order by effective_from)
)

select
    {{ key }},
    version,
    effective_from,
    effective_to,
    next_from
from versions
where
    effective_from >= effective_to
    or (next_from is null and not is_current)
    or (next_from is not null and (is_current or effective_to <> next_from))

{% endtest %}
