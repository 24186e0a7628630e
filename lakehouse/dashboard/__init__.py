"""The dashboard: figures of the published data, and the pages of the reports, for a browser."""
