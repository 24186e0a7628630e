"""dbt-duckdb's plugin that lets dbt write a lake whose files lie in a bucket; the profile names it.

Credentials reach DuckDB in memory: none is in a profile, a variable or a file of dbt. What it needs
is imported where there is a bucket only, as every start of dbt would pay for it.
"""

import os
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """Found by dbt-duckdb under this name."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load httpfs and tell DuckDB the credentials of the lake's bucket."""
        data = os.environ.get("ALJIBE_WAREHOUSE_DATA", "")
        if data.startswith("s3://"):
            from lakehouse.lake.s3_session import let_read_s3  # noqa: PLC0415

            let_read_s3(conn, data, Path(os.environ["ALJIBE_EXTENSIONS"]), "aljibe_lake")
