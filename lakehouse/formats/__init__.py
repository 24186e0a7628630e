"""From delivered bytes to staged text: one module for each thing a format needs."""
