"""The lineage picture: sources, models and published tables, coloured by the last result."""
