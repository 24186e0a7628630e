"""Every setting of Aljibe, in one typed place, read from `ALJIBE_*` variables."""

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    DirectoryPath,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from lakehouse.errors import SettingsInvalid

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_S3_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.()=-]+)*/?")
_MEMORY = re.compile(r"[0-9]+(?:\.[0-9]+)? ?(?:[KMGT]i?B|bytes)", re.IGNORECASE)
_SPARK_MASTER = re.compile(
    r"local(\[(\*|[1-9][0-9]*)\])?|yarn|k8s://\S+|spark://[^\s,/:]+:[0-9]+(,[^\s,/:]+:[0-9]+)*"
)
Seconds = Annotated[float, Field(gt=0)]
Hours = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """Where things lie and how long they may take.

    Every folder follows from `home` and can be moved by its own variable.
    """

    model_config = SettingsConfigDict(env_prefix="ALJIBE_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(default=Path("data"), description="Root of everything written at run time.")
    raw_dir: Path | None = Field(default=None, description="RAW lake; default home/raw.")
    raw_url: str | None = Field(
        default=None, description="s3:// URL of the RAW lake; default it lies in the folder."
    )
    raw_single_host: bool = Field(
        default=False, description="RAW on S3 with SQLite: no other host writes this lake."
    )
    extensions_dir: Path | None = Field(default=None, description="Links to DuckDB's extensions.")
    warehouse_dir: Path | None = Field(default=None, description="DuckDB warehouses.")
    serving_dir: Path | None = Field(default=None, description="Published DuckDB copies.")
    quarantine_dir: Path | None = Field(default=None, description="Refused files and rows.")
    reports_dir: Path | None = Field(default=None, description="Pages of the reports.")
    reports_language: Literal["en", "es", "pt"] = Field(
        default="en", description="Language of what is about a whole domain; owners have theirs."
    )
    data_catalog: bool = Field(
        default=True, description="Whether a build makes the data catalog of changed models."
    )
    target_dir: Path | None = Field(default=None, description="dbt's compiled files and results.")
    audit_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of the audit database; default SQLite in home."
    )
    backup_url: SecretStr | None = Field(
        default=None, description="Folder or fsspec URL of the backups; default none are made."
    )
    backup_keep: int = Field(default=30, ge=1, description="Backups that stay.")
    backup_max_hours: Hours = Field(default=36, description="An older newest backup is trouble.")
    health_disk_days: Days = Field(default=7, description="Disks full sooner are trouble.")
    health_run_seconds: Seconds = Field(default=7200, description="Longer runs are stuck.")
    retention_days: Days = Field(
        default=90, description="Of what was refused and settled, and of pages nobody writes."
    )
    serving_kept: int = Field(default=3, ge=0, description="Earlier serving copies that stay.")
    serving_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of the PostgreSQL that is published to."
    )
    serving_lock_seconds: Seconds = Field(
        default=300, description="Longest wait for readers who hold a published table."
    )
    target: Literal["embedded", "lake", "spark"] = Field(
        default="embedded",
        description="Where domains are built: in DuckDB files, a DuckLake, or on Spark.",
    )
    lake_catalog_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of the PostgreSQL with the lake's catalog."
    )
    lake_data: str | None = Field(
        default=None, description="Folder or s3:// prefix of the lake's files; default home/lake."
    )
    lake_keep_days: Days = Field(
        default=7, description="Snapshots of the lake stay as long; published ones longer."
    )
    lake_grace_hours: Hours = Field(
        default=24, description="Files of the lake that nothing needs any more stay as long."
    )
    parse_dir: DirectoryPath | None = Field(
        default=None, description="What dbt has parsed, for every home; default each its own."
    )
    project_dir: Path = Field(
        default=PROJECT_ROOT / "dbt", description="The dbt project with every domain."
    )
    extract_workers: int = Field(default=2, ge=1, description="Tables extracted at the same time.")
    duckdb_threads: int = Field(default=2, ge=1, description="Threads of one DuckDB connection.")
    duckdb_memory: str = Field(default="256MB", description="Memory limit of one file's load.")
    dbt_threads: int = Field(default=2, ge=1, description="Models that dbt builds at once.")
    dbt_memory: str = Field(default="1500MB", description="Memory limit of DuckDB in a dbt build.")
    dbt_timeout_seconds: Seconds = Field(default=3600, description="A dbt build is killed then.")
    spark_master: str = Field(
        default="local[*]", description="Where Spark runs: this machine, or a cluster's URL."
    )
    spark_memory: str = Field(
        default="2g",
        pattern=r"^[1-9][0-9]*[mg]$",
        description="Memory of Spark's driver and of each executor.",
    )
    spark_start_seconds: Seconds = Field(
        default=180, description="Longest wait until Spark's executors answer."
    )
    spark_dir: Path | None = Field(default=None, description="Tables that Spark built.")
    build_parts: int = Field(
        default=1, ge=1, description="Parts of a build that workers take at the same time."
    )
    extract_parts: int = Field(
        default=1, ge=1, description="Parts of an extraction that workers take at the same time."
    )
    part_start_seconds: float = Field(
        default=10.0, ge=0, description="What a part costs to start; less is not gained by a split."
    )
    part_wait_seconds: float = Field(
        default=60.0, ge=0, description="A part that no worker took by then is done by its own run."
    )
    lock_timeout_seconds: Seconds = Field(default=7200, description="Longest wait for a domain.")
    notify_url: SecretStr | None = Field(
        default=None, description="Apprise URLs that owners are notified by; default nobody is."
    )
    notify_completed: bool = Field(
        default=False, description="Whether operators also hear of runs that completed."
    )
    worker_name: str | None = Field(
        default=None, pattern=r"^[^/%\s]+$", description="Name of the worker; default the host's."
    )
    drain_seconds: float = Field(
        default=45, ge=0, description="What running flows get to end when a worker is stopped."
    )
    resume_attempts: int = Field(
        default=2, ge=0, description="How often a run that crashed is run again by itself."
    )
    api_wait_seconds: Seconds = Field(
        default=300, description="Longest wait of a worker or server for what it needs to start."
    )
    health_host: str = Field(default="127.0.0.1", description="Where a worker tells its health.")
    health_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of a worker's health; default $PORT."
    )
    pool_limit: int = Field(
        default=4, ge=1, description="Runs that the work pool lets go at once; read by bootstrap."
    )
    ui_url: str | None = Field(default=None, description="Prefect's UI as people open it.")
    reports_url: str | None = Field(
        default=None, description="Where the pages of the reports are served."
    )
    reports_target: SecretStr | None = Field(
        default=None, description="fsspec URL of a folder or bucket that pages are copied to."
    )
    dashboard_password: SecretStr | None = Field(
        default=None, min_length=8, description="What readers of the dashboard log in with."
    )

    @field_validator(
        "home", "raw_dir", "warehouse_dir", "serving_dir", "quarantine_dir", "spark_dir"
    )
    @classmethod
    def _usable_path(cls, value: Path | None) -> Path | None:
        if value and ("?" in str(value) or not str(value).isprintable()):
            raise ValueError("DuckDB cannot use a path with ? or control characters")
        return value

    @field_validator("raw_url")
    @classmethod
    def _bucket(cls, value: str | None) -> str | None:
        if value and not _S3_URL.fullmatch(value):
            raise ValueError("must be s3://bucket or s3://bucket/prefix, without credentials")
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _shared_ledger(self) -> Self:
        if self.raw_url and not self.raw_single_host and not self.is_shared:
            raise ValueError(
                "RAW on S3 needs its ledger where every host reaches it. Set ALJIBE_AUDIT_URL to "
                "PostgreSQL, or ALJIBE_RAW_SINGLE_HOST=true if this is the only host that writes "
                "this lake"
            )
        return self

    @field_validator("project_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("spark_master")
    @classmethod
    def _known_master(cls, value: str) -> str:
        if not _SPARK_MASTER.fullmatch(value):
            raise ValueError("must be local[*], spark://HOST:PORT, yarn or k8s://URL")
        return value

    @field_validator("duckdb_memory", "dbt_memory")
    @classmethod
    def _known_size(cls, value: str) -> str:
        if not _MEMORY.fullmatch(value.strip()):
            raise ValueError("must be a size such as 256MB or 2GiB")
        return value.strip()

    @cached_property
    def root(self) -> Path:
        """The absolute home folder."""
        return self.home.expanduser().resolve()

    def _folder(self, own: Path | None, name: str) -> Path:
        return own.expanduser().resolve() if own else self.root / name

    @property
    def raw(self) -> Path:
        """The RAW Parquet lake."""
        return self._folder(self.raw_dir, "raw")

    @property
    def raw_place(self) -> Path | str:
        """Where RAW lies, for those who name it: its URL, or else its folder."""
        return self.raw_url or self.raw

    @property
    def quarantine(self) -> Path:
        """Files and rows that were refused, with their reasons."""
        return self._folder(self.quarantine_dir, "quarantine")

    @property
    def spark(self) -> Path:
        """Tables that Spark built, at the same path for driver and executors."""
        return self._folder(self.spark_dir, "spark")

    @property
    def scratch(self) -> Path:
        """Working files of a load; worthless after it."""
        return self.root / "scratch"

    @property
    def extensions(self) -> Path:
        """DuckDB's extensions, linked from their packages."""
        return self._folder(self.extensions_dir, "extensions")

    @property
    def prefect_home(self) -> Path:
        """Prefect's database and results, only where no Prefect API is configured."""
        return self.root / "prefect"

    def landing(self, domain: str) -> Path:
        """Folder in which the deliveries of `domain` lie unless its block says otherwise."""
        return self.root / "landing" / domain

    def warehouse(self, domain: str) -> Path:
        """DuckDB file that only the domain's writer opens."""
        return self._folder(self.warehouse_dir, "warehouse") / f"{domain}.duckdb"

    def serving(self, domain: str) -> Path:
        """DuckDB file with the published tables, for readers."""
        return self._folder(self.serving_dir, "serving") / f"{domain}.duckdb"

    def dbt_target(self, domain: str) -> Path:
        """Dbt's target folder of `domain`: its own, or every change of domain parses anew."""
        return self._folder(self.target_dir, "target") / domain

    @property
    def reports(self) -> Path:
        """Pages of the reports: one folder a domain, and an index over all."""
        return self._folder(self.reports_dir, "reports")

    def lock_file(self, domain: str) -> Path:
        """File whose `flock` makes a run the domain's only writer."""
        return self.root / "locks" / f"{domain}.lock"

    @property
    def is_shared(self) -> bool:
        """Whether the audit database is one that several hosts reach."""
        return bool(self.audit_url and self.audit_url.get_secret_value().startswith("postgresql"))

    @property
    def audit_database_url(self) -> SecretStr:
        """SQLAlchemy URL of the audit database."""
        if self.audit_url:
            return self.audit_url
        url = URL.create("sqlite", database=str(self.root / "audit.db"))
        return SecretStr(url.render_as_string(hide_password=False))


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsInvalid: with every variable that cannot be used and why; values are not shown.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{_variable(fault['loc'])}{fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise SettingsInvalid(f"Settings cannot be used: {faults}.") from None


def _variable(place: tuple[int | str, ...]) -> str:
    """The variable of a fault; nothing where several do not go together."""
    return f"ALJIBE_{'_'.join(str(part) for part in place).upper()}: " if place else ""
