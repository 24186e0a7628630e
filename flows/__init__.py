"""What runs, in which order. No I/O, no SQL, no parsing."""
