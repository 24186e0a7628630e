"""Running dbt from outside: the child process, what it was built from, how builds ended."""
