{#- Every column but some. -#}
{% macro all_but(columns) -%}
    {{ adapter.dispatch('all_but')(columns) }}
{%- endmacro %}

{% macro duckdb__all_but(columns) -%}
    * exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__all_but(columns) -%}
    * except ({{ columns | join(', ') }})
{%- endmacro %}


{#- Contracts and casts name types as DuckDB does; a timestamp has no zone. -#}
{% macro spark__cast(field, type) -%}
    {%- set types = {
        'varchar': 'string',
        'timestamp': 'timestamp_ntz',
        'timestamp with time zone': 'timestamp_ltz',
        'timestamptz': 'timestamp_ltz',
    } -%}
    cast({{ field }} as {{ types.get(type | lower | trim, type) }})
{%- endmacro %}
