{#-
    From when to when a version of a snapshot holds, in the time of the purchases. The first one
    holds from the beginning of time: what was bought before the first delivery finds it.
-#}
{% macro version_period(key) -%}
        case
            when
                row_number() over (partition by {{ key }} order by versions.dbt_valid_from) = 1
                then timestamp '1900-01-01 00:00:00'
            else versions.dbt_valid_from at time zone 'America/Sao_Paulo'
        end as effective_from,
        coalesce(
            versions.dbt_valid_to at time zone 'America/Sao_Paulo',
            timestamp '9999-12-31 00:00:00'
        ) as effective_to,
        versions.dbt_valid_to is null as is_current
{%- endmacro %}
