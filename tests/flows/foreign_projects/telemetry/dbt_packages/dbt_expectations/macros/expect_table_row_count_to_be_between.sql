{% test expect_table_row_count_to_be_between(model, min_value, max_value) %}
with found as (select count(*) as row_count from {{ model }})

select * from found where row_count < {{ min_value }} or row_count > {{ max_value }}
{% endtest %}
