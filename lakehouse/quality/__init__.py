"""What the checks of a run found: results of dbt, failing rows and where they came from."""
