{#- Value of the row whose order, one column or several, is greatest. -#}
{% macro value_of_last(value, order) -%}
    {{ adapter.dispatch('value_of_last')(value, order) }}
{%- endmacro %}

{% macro duckdb__value_of_last(value, order) -%}
    arg_max({{ value }}, {% if order is string %}{{ order }}{% else %}({{ order | join(', ') }}){% endif %})
{%- endmacro %}

{% macro spark__value_of_last(value, order) -%}
    max_by({{ value }}, {% if order is string %}{{ order }}{% else %}struct({{ order | join(', ') }}){% endif %})
{%- endmacro %}


{#- Value of the row whose order, one column or several, is least. -#}
{% macro value_of_first(value, order) -%}
    {{ adapter.dispatch('value_of_first')(value, order) }}
{%- endmacro %}

{% macro duckdb__value_of_first(value, order) -%}
    arg_min({{ value }}, {% if order is string %}{{ order }}{% else %}({{ order | join(', ') }}){% endif %})
{%- endmacro %}

{% macro spark__value_of_first(value, order) -%}
    min_by({{ value }}, {% if order is string %}{{ order }}{% else %}struct({{ order | join(', ') }}){% endif %})
{%- endmacro %}


{#-
    The order in which an aggregate of floating point adds up, so that its last digits are always
    the same. Spark has no such order: it adds up in parts, and the last digits may differ.
-#}
{% macro added_in_order_of(order) -%}
    {{ adapter.dispatch('added_in_order_of')(order) }}
{%- endmacro %}

{% macro duckdb__added_in_order_of(order) -%}
    order by {{ order }}
{%- endmacro %}

{% macro spark__added_in_order_of(order) -%}
{%- endmacro %}


{#- dbt-spark leaves the order out. -#}
{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if limit_num -%}
        {{ exceptions.raise_compiler_error("listagg on Spark: limit_num is not supported here.") }}
    {%- endif -%}
    {%- if measure.startswith('distinct ') -%}
        {#- Beside another distinct aggregate Spark 4 cannot rewrite a listagg that is distinct. -#}
        {%- set value = measure[9:] -%}
        {%- if order_by_clause and order_by_clause != 'order by ' ~ value -%}
            {{ exceptions.raise_compiler_error("listagg on Spark: distinct is ordered by itself only.") }}
        {%- endif -%}
        case when count({{ value }}) > 0 then array_join(array_sort(collect_set({{ value }})), {{ delimiter_text }}) end
    {%- else -%}
        listagg({{ measure }}, {{ delimiter_text }})
        {%- if order_by_clause %} within group ({{ order_by_clause }}){% endif %}
    {%- endif -%}
{%- endmacro %}


{#- How many different ten minutes of half a day are among the moments, in memory that does not grow. -#}
{% macro ten_minutes_told(moment) -%}
    {{ adapter.dispatch('ten_minutes_told')(moment) }}
{%- endmacro %}

{% macro duckdb__ten_minutes_told(moment) -%}
    bit_count(
        bit_or(cast(1 as hugeint) << cast(epoch({{ moment }}) // 600 % 72 as integer))
    )
{%- endmacro %}

{#- 72 bits are two numbers there. -#}
{% macro spark__ten_minutes_told(moment) -%}
    {%- set mark = "cast(unix_seconds(cast(" ~ moment ~ " as timestamp_ltz)) div 600 % 72 as int)" -%}
    (
        bit_count(bit_or(case when {{ mark }} < 36 then shiftleft(1L, {{ mark }}) else 0L end))
        + bit_count(bit_or(case when {{ mark }} < 36 then 0L else shiftleft(1L, {{ mark }} - 36) end))
    )
{%- endmacro %}
