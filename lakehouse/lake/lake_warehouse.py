"""The warehouse of a domain as a DuckLake: its catalog in PostgreSQL, its rows as Parquet files.

Each domain has a metadata schema and a data folder of its own. Inside DuckDB the catalog bears the
domain's name, as an embedded warehouse bears that of its file: all SQL is the same.
Format and options: https://ducklake.select/docs/stable/.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from pydantic import SecretStr
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from lakehouse.errors import (
    WarehouseMissing,
    WarehouseRefused,
    WarehouseUnusable,
)
from lakehouse.lake.duckdb_extensions import load_extensions, prepare_extensions
from lakehouse.lake.lake_catalog import catalog_conninfo, catalog_url
from lakehouse.lake.lake_faults import lake_faults
from lakehouse.lake.lake_owner import claim_files
from lakehouse.lake.s3_session import let_read_s3
from lakehouse.sql_quoting import sql_identifier, sql_string

_EXTENSIONS = ("postgres", "ducklake")
_BUCKET = "aljibe_lake"
_OF_BUCKET = " load httpfs;\n-- create secret (type s3, key_id '...', secret '...', region '...');"
# Of an attach: a catalog that is being restarted is back in a moment.
_TRIES = 3
# DuckLake itself tries a commit again that only lost the race for a snapshot's number.
_COMMIT = {"ducklake_max_retry_count": 15, "ducklake_retry_wait_ms": 50}


@dataclass(frozen=True)
class LakeWarehouse:
    """The warehouse of a domain in a DuckLake.

    Attributes:
        domain: its name, and that of the catalog in every connection.
        catalog: SQLAlchemy URL of the PostgreSQL database with the metadata.
        data: folder or `s3://` prefix of the domain's files, ending in a slash.
        extensions: folder for DuckDB's extensions.
        scratch: folder in which a connection makes one for what exceeds its memory.
        memory: limit of a connection.
        version: snapshot that is read; None reads the newest, and only then can be written.
    """

    domain: str
    catalog: SecretStr
    data: str
    extensions: Path
    scratch: Path
    memory: str = "1500MB"
    version: int | None = None

    @property
    def name(self) -> str:
        """What tells it from other warehouses of this home, and from the domain's file."""
        return f"{self.domain}.lake"

    @property
    def metadata_schema(self) -> str:
        """Schema of the catalog's PostgreSQL that holds this domain's metadata."""
        return f"lake_{self.domain}"

    @property
    def address(self) -> str:
        """What follows ATTACH: the catalog's address, without its password."""
        return f"ducklake:postgres:{catalog_conninfo(self.catalog)}"

    @property
    def is_in_bucket(self) -> bool:
        """Whether its files lie in an S3 bucket, not in a folder."""
        return self.data.startswith("s3://")

    def at(self, version: int) -> "LakeWarehouse":
        """The same warehouse as it was at a snapshot."""
        return replace(self, version=version)

    @property
    def place(self) -> str:
        """The catalog's database as `host:port/database`."""
        url = catalog_url(self.catalog)
        return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"

    def __str__(self) -> str:
        at = "" if self.version is None else f", version {self.version}"
        return f"lake {self.domain} ({self.place}{at})"

    def environment(self) -> dict[str, str]:
        """Variables that the output `lake` of profiles.yml reads; the password only for libpq."""
        password = catalog_url(self.catalog).password
        return {
            "ALJIBE_TARGET": "lake",
            "ALJIBE_WAREHOUSE": self.domain,
            "ALJIBE_WAREHOUSE_ADDRESS": self.address,
            "ALJIBE_WAREHOUSE_SCHEMA": self.metadata_schema,
            "ALJIBE_WAREHOUSE_DATA": self.data,
            "ALJIBE_EXTENSIONS": str(prepare_extensions(self.extensions)),
            **({"PGPASSWORD": str(password)} if password else {}),
        }

    @contextmanager
    def opened(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Connect, in UTC, with the lake as the current catalog; closed at the end.

        Raises:
            WarehouseUnusable: see `attach`.
            WarehouseConflict: another process changed the same table meanwhile.
            WarehouseRefused: files of another catalog lie where a new lake should.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        with lake_faults(str(self)), duckdb.connect() as connection:
            connection.execute(f"set memory_limit = {sql_string(self.memory)}")
            # Of its own: two processes that spill into one folder would take each other's files.
            spill = self.scratch / f"aljibe-lake-{uuid.uuid4().hex}"
            connection.execute(f"set temp_directory = {sql_string(str(spill))}")
            self.attach(connection, read_only=read_only)
            if self.version is None and not read_only and _newest(connection, self.domain) == 0:
                if not self.is_in_bucket:
                    Path(self.data).mkdir(parents=True, exist_ok=True)
                claim_files(connection, self.domain, self.metadata_schema, self.data)
            connection.execute(f"use {sql_identifier(self.domain)}")
            yield connection

    def attach(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool = False) -> None:
        """Attach the lake to a connection, under the domain's name; sets UTC.

        Raises:
            WarehouseRefused: the catalog refuses user, password, name or data folder.
            WarehouseUnusable: the catalog does not answer.
            LakeRefused: the bucket of the files cannot be reached from here.
        """
        load_extensions(connection, self.extensions, _EXTENSIONS)
        if self.is_in_bucket:
            let_read_s3(connection, self.data, self.extensions, _BUCKET)
        connection.execute("set timezone = 'UTC'")
        for name, value in _COMMIT.items():
            connection.execute(f"set {name} = {value}")
        self._tell_password(connection)
        options = [*self._options, *(["read_only"] if read_only and self.version is None else [])]
        for attempt in Retrying(
            retry=retry_if_exception_type(WarehouseUnusable),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(0.5, 4),
            reraise=True,
        ):
            with attempt, lake_faults(str(self)):
                connection.execute(
                    f"attach 'ducklake:lake_{self.domain}' as {sql_identifier(self.domain)} "
                    f"({', '.join(options)})"
                )

    def _tell_password(self, connection: duckdb.DuckDBPyConnection) -> None:
        password = str(catalog_url(self.catalog).password or "")
        secret, lake = (f"{part}_{self.domain}" for part in ("catalog", "lake"))
        try:
            connection.execute(
                f"create or replace temporary secret {sql_identifier(secret)} "
                f"(type postgres, password {sql_string(password)})"
            )
        except duckdb.Error as error:
            # DuckDB's words quote the statement, and with it the password.
            raise WarehouseRefused(
                f"{self}: DuckDB does not take the catalog's password ({type(error).__name__})."
            ) from None
        connection.execute(
            f"create or replace temporary secret {sql_identifier(lake)} (type ducklake, "
            f"metadata_path {sql_string(catalog_conninfo(self.catalog))}, metadata_parameters "
            f"map {{'TYPE': 'postgres', 'SECRET': {sql_string(secret)}}})"
        )

    def attach_sql(self) -> str:
        """What a reader types into DuckDB; the password comes from PGPASSWORD or ~/.pgpass."""
        options = ", ".join(self._options)
        return (
            f"load postgres; load ducklake;{_OF_BUCKET if self.is_in_bucket else ''}\n"
            f"set timezone = 'UTC';\n"
            f"attach {sql_string(self.address)} as {sql_identifier(self.domain)}\n"
            f"    ({options}{'' if self.version is not None else ', read_only'});\n"
            f"use {sql_identifier(self.domain)};"
        )

    def exists(self) -> bool:
        """Whether something was ever written to it.

        Raises:
            WarehouseUnusable: the catalog does not answer.
        """
        try:
            with self.opened(read_only=True) as connection:
                row = connection.execute("select 1 from duckdb_schemas() limit 1").fetchone()
        except WarehouseMissing:
            return False
        return row is not None

    def empty(self) -> None:
        """Drop everything in it; earlier versions stay readable until they expire.

        Raises:
            WarehouseUnusable: the catalog does not answer.
        """
        if not self.exists():
            return
        with self.opened() as connection:
            connection.execute("begin")
            for (schema,) in connection.execute(
                "select schema_name from duckdb_schemas() where database_name = current_database() "
                "and not internal and schema_name <> 'main'"
            ).fetchall():
                connection.execute(f"drop schema {sql_identifier(schema)} cascade")
            connection.execute("commit")

    def current_version(self) -> int:
        """The newest snapshot."""
        with self.opened(read_only=True) as connection:
            return _newest(connection, self.domain)

    @property
    def _options(self) -> list[str]:
        at = [] if self.version is None else [f"snapshot_version {self.version}"]
        return [
            f"metadata_schema {sql_string(self.metadata_schema)}",
            f"data_path {sql_string(self.data)}",
            *at,
        ]


def _newest(connection: duckdb.DuckDBPyConnection, domain: str) -> int:
    """The newest snapshot; 0 as long as nothing was written."""
    row = connection.execute(
        f"select id from {sql_identifier(domain)}.current_snapshot()"
    ).fetchone()
    return int(row[0]) if row else 0
