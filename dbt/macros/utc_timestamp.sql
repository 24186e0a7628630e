{#- A text with date, time and offset as a timestamp in UTC; null where it is no such text. -#}
{% macro utc_timestamp(text) -%}
    case
        when {{ matches_all_of(
            'trim(' ~ text ~ ')',
            '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})'
        ) }} then {{ moment_of_text('trim(' ~ text ~ ')') }}
    end
{%- endmacro %}


{#- Why a text that is not empty is no timestamp. -#}
{% macro utc_timestamp_fault(text) -%}
    case
        when {{ utc_timestamp(text) }} is not null then null
        when {{ matches_all_of('trim(' ~ text ~ ')', '.*[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?') }}
            then 'fecha sin desfase horario'
        else 'no es una fecha'
    end
{%- endmacro %}
