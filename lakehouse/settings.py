"""Every setting of Aljibe, in one typed place, read from `ALJIBE_*` variables."""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakehouse.errors import SettingsInvalid

PROJECT_ROOT = Path(__file__).resolve().parent.parent

Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """Where things lie and how long they may take.

    Every folder follows from `home` and can be moved by its own variable.
    """

    model_config = SettingsConfigDict(env_prefix="ALJIBE_", extra="ignore")

    home: Path = Field(default=Path("data"), description="Root of everything written at run time.")
    raw_dir: Path | None = Field(default=None, description="RAW lake; default home/raw.")
    warehouse_dir: Path | None = Field(default=None, description="DuckDB warehouses.")
    serving_dir: Path | None = Field(default=None, description="Published DuckDB copies.")
    quarantine_dir: Path | None = Field(default=None, description="Refused files and rows.")
    target_dir: Path | None = Field(default=None, description="dbt's compiled files and results.")
    audit_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of the audit database; default SQLite in home."
    )
    project_dir: Path = Field(
        default=PROJECT_ROOT / "dbt", description="The dbt project with every domain."
    )
    extract_workers: int = Field(default=2, ge=1, description="Tables extracted at the same time.")
    duckdb_threads: int = Field(default=2, ge=1, description="Threads of one DuckDB connection.")
    duckdb_memory: str = Field(default="256MB", description="Memory limit of one file's load.")
    dbt_threads: int = Field(default=2, ge=1, description="Models that dbt builds at once.")
    dbt_timeout_seconds: Seconds = Field(default=3600, description="A dbt build is killed then.")
    lock_timeout_seconds: Seconds = Field(default=7200, description="Longest wait for a domain.")

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
    def quarantine(self) -> Path:
        """Files and rows that were refused, with their reasons."""
        return self._folder(self.quarantine_dir, "quarantine")

    @property
    def scratch(self) -> Path:
        """Working files of a load; worthless after it."""
        return self.root / "scratch"

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

    def lock_file(self, domain: str) -> Path:
        """File whose `flock` makes a run the domain's only writer."""
        return self.root / "locks" / f"{domain}.lock"

    @property
    def audit_database_url(self) -> SecretStr:
        """SQLAlchemy URL of the audit database."""
        return self.audit_url or SecretStr(f"sqlite:///{self.root / 'audit.db'}")


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsInvalid: with every variable that cannot be used and why; values are not shown.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"ALJIBE_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
        raise SettingsInvalid(f"Settings cannot be used: {faults}.") from None
