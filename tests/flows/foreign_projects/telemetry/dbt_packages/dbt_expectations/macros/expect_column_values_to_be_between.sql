{% test expect_column_values_to_be_between(model, column_name, min_value, max_value) %}
with grouped_expression as (
    select *, {{ column_name }} >= {{ min_value }} and {{ column_name }} <= {{ max_value }}
        as expression
    from {{ model }}
)

select * from grouped_expression where not expression
{% endtest %}
