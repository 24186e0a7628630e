"""Contents of the Prefect artifacts: markdown and tables."""
