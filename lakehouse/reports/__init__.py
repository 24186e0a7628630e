"""Results as text and rows for people; nothing here reads a database or changes a run."""
