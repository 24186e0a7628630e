{% macro generate_schema_name(custom_schema_name=none, node=none) %}
    {%- set layers = ['staging', 'intermediate', 'core', 'consume', 'marts'] -%}
    {%- if custom_schema_name -%}
        {{ return(custom_schema_name | trim) }}
    {%- elif node and node.resource_type == 'snapshot' -%}
        {{ return('snapshots') }}
    {%- elif node and node.resource_type == 'model' -%}
        {%- if node.fqn | length < 4 or node.fqn[2] not in layers -%}
            {{ exceptions.raise_compiler_error(
                node.original_file_path ~ ": a model lies in models/<domain>/<layer>/, where layer"
                ~ " is one of " ~ layers | join(', ') ~ ". Move the file, or give it a schema."
            ) }}
        {%- endif -%}
        {{ return(node.fqn[2]) }}
    {%- else -%}
        {{ return(target.schema) }}
    {%- endif -%}
{% endmacro %}
