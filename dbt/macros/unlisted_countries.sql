{% macro unlisted_countries() %}
    {%- set unlisted = [] -%}
    {%- for node in (graph.nodes.values() if execute else []) -%}
        {%- set country = node.name | replace('stg_ventas_', '') -%}
        {%- if node.resource_type == 'model'
            and node.fqn[1] == 'pharma_latam'
            and node.name.startswith('stg_ventas_')
            and country not in var('pharma_paises') -%}
            {%- do unlisted.append(country) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(unlisted | sort) }}
{% endmacro %}
