{% test expression_is_true(model, expression, column_name=none) %}
select {% if column_name %}{{ column_name }}{% else %}*{% endif %}
from {{ model }}
where not ({{ column_name or '' }} {{ expression }})
{% endtest %}
