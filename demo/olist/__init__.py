"""A seeded marketplace with the files, columns and defects of the published Olist data."""
