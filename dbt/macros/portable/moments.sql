{#-
    Moments are timestamps without a zone, in UTC. Spark's functions of time give and take those
    with a zone: they come back by a cast, in a session whose zone is UTC.
-#}
{% macro spark__date_trunc(datepart, date) -%}
    cast(date_trunc('{{ datepart }}', {{ date }}) as timestamp_ntz)
{%- endmacro %}


{#- Whole microseconds from the first moment to the last. -#}
{% macro microseconds_between(first, last) -%}
    {{ adapter.dispatch('microseconds_between')(first, last) }}
{%- endmacro %}

{% macro duckdb__microseconds_between(first, last) -%}
    date_diff('microsecond', {{ first }}, {{ last }})
{%- endmacro %}

{% macro spark__microseconds_between(first, last) -%}
    timestampdiff(microsecond, {{ first }}, {{ last }})
{%- endmacro %}


{#- Seconds from the first moment to the last, with fractions. -#}
{% macro seconds_between(first, last) -%}
    {{ adapter.dispatch('seconds_between')(first, last) }}
{%- endmacro %}

{% macro duckdb__seconds_between(first, last) -%}
    epoch({{ last }} - {{ first }})
{%- endmacro %}

{% macro spark__seconds_between(first, last) -%}
    (timestampdiff(microsecond, {{ first }}, {{ last }}) / 1e6)
{%- endmacro %}


{#- Beginnings of a second that lie between the first moment and the last, its own included. -#}
{% macro second_marks_between(first, last) -%}
    {{ adapter.dispatch('second_marks_between')(first, last) }}
{%- endmacro %}

{% macro duckdb__second_marks_between(first, last) -%}
    date_diff('second', {{ first }}, {{ last }})
{%- endmacro %}

{% macro spark__second_marks_between(first, last) -%}
    (
        unix_seconds(cast({{ last }} as timestamp_ltz))
        - unix_seconds(cast({{ first }} as timestamp_ltz))
    )
{%- endmacro %}


{#- Seconds since 1970, with fractions. -#}
{% macro epoch_seconds(moment) -%}
    {{ adapter.dispatch('epoch_seconds')(moment) }}
{%- endmacro %}

{% macro duckdb__epoch_seconds(moment) -%}
    epoch({{ moment }})
{%- endmacro %}

{% macro spark__epoch_seconds(moment) -%}
    (unix_micros(cast({{ moment }} as timestamp_ltz)) / 1e6)
{%- endmacro %}


{#- Beginning of the stretch of so many minutes that a moment lies in; they divide a day evenly. -#}
{% macro stretch_of(minutes, moment) -%}
    {{ adapter.dispatch('stretch_of')(minutes, moment) }}
{%- endmacro %}

{% macro duckdb__stretch_of(minutes, moment) -%}
    time_bucket(interval {{ minutes }} minutes, {{ moment }})
{%- endmacro %}

{% macro spark__stretch_of(minutes, moment) -%}
    cast(timestamp_micros(
        unix_micros(cast({{ moment }} as timestamp_ltz))
        - pmod(unix_micros(cast({{ moment }} as timestamp_ltz)), {{ minutes }} * 60000000L)
    ) as timestamp_ntz)
{%- endmacro %}


{#- A row for each moment from the first to the last, a step apart; none where the last is less. -#}
{% macro moments_from(first, last, step) -%}
    {{ adapter.dispatch('moments_from')(first, last, step) }}
{%- endmacro %}

{% macro duckdb__moments_from(first, last, step) -%}
    unnest(generate_series({{ first }}, {{ last }}, {{ step }}))
{%- endmacro %}

{% macro spark__moments_from(first, last, step) -%}
    explode(case
        when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}, {{ step }})
        else array()
    end)
{%- endmacro %}


{#- So many minutes as an interval. -#}
{% macro minutes(number) -%}
    interval {{ number }} minutes
{%- endmacro %}
