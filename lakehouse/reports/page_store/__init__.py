"""Pages of the reports where others serve them from: PostgreSQL, a folder or a bucket."""
