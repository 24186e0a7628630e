"""Reports as static HTML pages that ask for nothing but themselves."""
