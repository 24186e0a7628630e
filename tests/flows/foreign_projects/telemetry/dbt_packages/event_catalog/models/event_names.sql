select * from (values ('login', 1), ('logout', -2)) as v (event_name, event_id)
