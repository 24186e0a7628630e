"""A live look at a source, written down as its declaration, staging model and tests."""
