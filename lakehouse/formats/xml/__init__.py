"""XML documents, a record an element."""
