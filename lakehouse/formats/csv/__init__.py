"""CSV files: dialect, header, rows, refused lines."""
