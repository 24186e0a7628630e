"""Tables of databases, read in one snapshot of their server."""
