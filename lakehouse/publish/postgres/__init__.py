"""The published tables of a domain in PostgreSQL: loaded beside, verified, swapped whole."""
