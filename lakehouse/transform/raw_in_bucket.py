"""dbt-duckdb's plugin that lets dbt read raw views over a bucket; the profile names it.

Credentials reach DuckDB in memory: none is in a profile, a variable or a file of dbt. What it needs
is imported where RAW lies in a bucket only, as every start of dbt would pay for it.
"""

import os

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

TOLD_BY = "ALJIBE_EXTENSIONS_DIR"
"""Whoever starts dbt on a lake in a bucket sets it: dbt's folder is another, paths are absolute."""


class Plugin(BasePlugin):
    """Found by dbt-duckdb under this name."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load httpfs and tell DuckDB the credentials of the bucket."""
        if os.environ.get(TOLD_BY):
            from lakehouse.lake.s3_session import let_read_raw  # noqa: PLC0415

            let_read_raw(conn)
