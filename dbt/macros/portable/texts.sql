{#- Whether all of a text is what a pattern (of RE2, without backslashes) describes. -#}
{% macro matches_all_of(text, pattern) -%}
    {{ adapter.dispatch('matches_all_of')(text, pattern) }}
{%- endmacro %}

{% macro duckdb__matches_all_of(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{#- Of line ends, Java's dot leaves out more than RE2's unless told. -#}
{% macro spark__matches_all_of(text, pattern) -%}
    regexp_like({{ text }}, r'(?d)\A(?:{{ pattern }})\z')
{%- endmacro %}


{#- A text that has an offset from UTC as a moment in UTC; null where it is none. -#}
{% macro moment_of_text(text) -%}
    {{ adapter.dispatch('moment_of_text')(text) }}
{%- endmacro %}

{% macro duckdb__moment_of_text(text) -%}
    try_cast({{ text }} as timestamp with time zone) at time zone 'UTC'
{%- endmacro %}

{#- Put together from its parts: as a whole, Spark takes no hour 24 and no offset beyond 18 hours. -#}
{% macro spark__moment_of_text(text) -%}
    {%- set offset = "regexp_extract(" ~ text ~ ", r'([+-])([0-9]{2}):?([0-9]{2})\\z', " -%}
    {%- set minutes = "coalesce(try_cast(" ~ offset ~ "2) as int) * 60 + try_cast(" ~ offset ~ "3) as int), 0)" -%}
    (
        try_cast(
            regexp_replace(regexp_extract({{ text }}, r'\A([^Z+]{19}[.0-9]*)', 1), r'.24:00:00[.]?0*\z', ' 00:00:00')
            as timestamp_ntz
        )
        + case when substr({{ text }}, 12, 8) = '24:00:00' then interval 1 day else interval 0 days end
        - make_dt_interval(0, 0, case when {{ offset }}1) = '-' then -1 else 1 end * {{ minutes }})
    )
{%- endmacro %}


{#- A text as a number; null where it is none. -#}
{% macro number_of_text(text) -%}
    {{ adapter.dispatch('number_of_text')(text) }}
{%- endmacro %}

{% macro duckdb__number_of_text(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}

{#- Java also takes 1d, 1f and hexadecimal digits for numbers. -#}
{% macro spark__number_of_text(text) -%}
    case
        when regexp_like({{ text }}, r'\A[ \t\n\x0B\f\r]*([+-]|[+]-)?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?[ \t\n\x0B\f\r]*\z')
            then try_cast(replace({{ text }}, '+-', '-') as double)
    end
{%- endmacro %}


{#- Whether a number is neither infinite nor NaN. -#}
{% macro is_finite(number) -%}
    {{ adapter.dispatch('is_finite')(number) }}
{%- endmacro %}

{% macro duckdb__is_finite(number) -%}
    isfinite({{ number }})
{%- endmacro %}

{#- NaN is greater than any number there. -#}
{% macro spark__is_finite(number) -%}
    (abs({{ number }}) < double('infinity'))
{%- endmacro %}


{#- A number rounded to so many digits, half away from zero after the digits are moved before it. -#}
{% macro rounded(number, digits) -%}
    {{ adapter.dispatch('rounded')(number, digits) }}
{%- endmacro %}

{% macro duckdb__rounded(number, digits) -%}
    round({{ number }}, {{ digits }})
{%- endmacro %}

{% macro spark__rounded(number, digits) -%}
    (round({{ number }} * 1e{{ digits }}) / 1e{{ digits }})
{%- endmacro %}


{#-
    A number as text with so many digits behind the point, of the exact binary value, half to even,
    as C's printf does; |number| below 1e15.
-#}
{% macro text_with_digits(number, digits) -%}
    {{ adapter.dispatch('text_with_digits')(number, digits) }}
{%- endmacro %}

{% macro duckdb__text_with_digits(number, digits) -%}
    format('{:.{{ digits }}f}', {{ number }})
{%- endmacro %}

{#-
    Java's own format rounds the shortest decimal text half up: 1.005 gives 1.01 there, and is
    less than that half. The error of `number * 10^digits` is told exactly by splitting the number
    (Dekker, A Floating-Point Technique for Extending the Available Precision, 1971).
-#}
{% macro spark__text_with_digits(number, digits) -%}
    {%- set scale = 10 ** digits -%}
    {%- set x = 'cast(' ~ number ~ ' as double)' -%}
    {%- set head = '(' ~ x ~ ' * 134217729D - (' ~ x ~ ' * 134217729D - ' ~ x ~ '))' -%}
    {%- set product = '(' ~ x ~ ' * ' ~ scale ~ 'D)' -%}
    {%- set lost = '((' ~ head ~ ' * ' ~ scale ~ 'D - ' ~ product ~ ') + (' ~ x ~ ' - ' ~ head ~ ') * ' ~ scale ~ 'D)' -%}
    {%- set whole = 'rint(' ~ product ~ ')' -%}
    {%- set steps -%}
        cast({{ whole }} as decimal(38, 0)) + case
            when {{ product }} - {{ whole }} = 0.5D and {{ lost }} > 0D then 1
            when {{ product }} - {{ whole }} = -0.5D and {{ lost }} < 0D then -1
            else 0
        end
    {%- endset -%}
    concat(
        case when startswith(cast({{ x }} as string), '-') then '-' else '' end,
        cast(cast(abs({{ steps }}) / {{ scale }} as decimal(38, {{ digits }})) as string)
    )
{%- endmacro %}
