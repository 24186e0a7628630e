"""Where a domain is built: the path of a DuckDB file, or a DuckLake. The setting decides.

Whoever reads or writes a warehouse opens it with `open_warehouse` and writes the same SQL; what
else the two differ in stands here, so that no flow, task or model asks which one it has.
"""

import shutil
from pathlib import Path
from typing import TypeAlias

import duckdb

from lakehouse.errors import SettingsInvalid
from lakehouse.lake import lake_faults
from lakehouse.lake.lake_catalog import catalog_url
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.settings import Settings
from lakehouse.sql_quoting import sql_identifier, sql_string

Warehouse: TypeAlias = Path | LakeWarehouse


def warehouse_of(settings: Settings, domain: str) -> Warehouse:
    """The warehouse of a domain, as `ALJIBE_TARGET` says; nothing is opened.

    Raises:
        SettingsInvalid: what the lake needs is not set, or is not for it alone.
    """
    if settings.target != "lake":
        return settings.warehouse(domain)
    if settings.lake_catalog_url is None:
        raise SettingsInvalid(
            "ALJIBE_TARGET is lake, which needs ALJIBE_LAKE_CATALOG_URL: "
            "the URL of a PostgreSQL with its user, password and database."
        )
    catalog_url(settings.lake_catalog_url)
    return LakeWarehouse(
        domain=domain,
        catalog=settings.lake_catalog_url,
        data=f"{_data_root(settings)}/{domain}/",
        extensions=settings.extensions,
        scratch=settings.scratch,
        memory=settings.dbt_memory,
    )


def prepare_warehouse(warehouse: Warehouse) -> None:
    """Make the folder that a warehouse is written into; a lake makes what it needs."""
    if isinstance(warehouse, Path):
        warehouse.parent.mkdir(parents=True, exist_ok=True)


def warehouse_exists(warehouse: Warehouse) -> bool:
    """Whether a warehouse was ever written.

    Raises:
        WarehouseUnusable: the catalog of a lake does not answer.
    """
    return warehouse.is_file() if isinstance(warehouse, Path) else warehouse.exists()


def set_aside(warehouse: Warehouse, folder: Path) -> None:
    """Take away what was built: a file goes into `folder`, a lake keeps it in its earlier versions.

    Raises:
        WarehouseUnusable: the catalog of a lake does not answer.
    """
    if isinstance(warehouse, LakeWarehouse):
        warehouse.empty()
        return
    for file in (warehouse, warehouse.with_name(f"{warehouse.name}.wal")):
        if file.is_file():
            folder.mkdir(exist_ok=True)
            shutil.move(file, folder / file.name)


def version_of(warehouse: Warehouse) -> int | None:
    """The snapshot that is read of a lake; None of a file, or of the newest."""
    return None if isinstance(warehouse, Path) else warehouse.version


def attach_to_read(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> str:
    """Attach a warehouse to a connection that reads it, under its own name: views call it so.

    Returns:
        The name, quoted.

    Raises:
        WarehouseUnusable: it cannot be opened now.
    """
    if isinstance(warehouse, LakeWarehouse):
        warehouse.attach(connection, read_only=True)
        return sql_identifier(warehouse.domain)
    name = sql_identifier(warehouse.stem)
    connection.execute(f"attach {sql_string(str(warehouse))} as {name} (read_only)")
    return name


def takes_several_builds(warehouse: Warehouse) -> bool:
    """Whether disjoint parts of a domain can be built by several processes at once."""
    return isinstance(warehouse, LakeWarehouse)


def profile_environment(warehouse: Warehouse, target_path: Path) -> dict[str, str]:
    """Variables that profiles.yml reads to choose its output and to find the warehouse.

    Args:
        warehouse: of the domain.
        target_path: dbt's target folder, which no other process builds in: a lake has no folder
            of its own to spill to.
    """
    if isinstance(warehouse, LakeWarehouse):
        return {**warehouse.environment(), "ALJIBE_WAREHOUSE_SPILL": str(target_path / "spill")}
    return {"ALJIBE_TARGET": "embedded", "ALJIBE_WAREHOUSE": str(warehouse)}


def may_pass(warehouse: Warehouse, said: str) -> bool:
    """Whether what a statement failed of may be over at another try; never so of a file."""
    return isinstance(warehouse, LakeWarehouse) and lake_faults.may_pass(said)


def threads_of(warehouse: Warehouse, wanted: int) -> int:
    """Models that one dbt process may build at once."""
    # With more, dbt on DuckLake 1.5.5 fails now and then, once with a crash.
    return wanted if isinstance(warehouse, Path) else 1


def lake_folder(settings: Settings) -> Path | None:
    """The folder of the lake's files; None where there is no lake, or a bucket has them.

    Raises:
        SettingsInvalid: the place is not for the lake alone.
    """
    root = _data_root(settings) if settings.target == "lake" else "://"
    return None if "://" in root else Path(root)


def _data_root(settings: Settings) -> str:
    given = settings.lake_data
    if given and "://" in given:
        root_url = given.rstrip("/")
        raw = f"{settings.raw_url}/" if settings.raw_url else ""
        if not given.startswith("s3://"):
            raise SettingsInvalid(f"ALJIBE_LAKE_DATA: {given} is no folder and no s3:// prefix.")
        if raw and (raw.startswith(f"{root_url}/") or f"{root_url}/".startswith(raw)):
            raise SettingsInvalid(
                f"ALJIBE_LAKE_DATA: {root_url} and RAW in {settings.raw_url} lie in one another. "
                "The lake's prefix is for its files alone."
            )
        return root_url
    root = Path(given).expanduser().resolve() if given else settings.root / "lake"
    for other in (settings.raw, settings.quarantine, settings.reports):
        if root == other or root in other.parents or other in root.parents:
            raise SettingsInvalid(
                f"ALJIBE_LAKE_DATA: {root} and {other} lie in one another. The lake's folder is "
                "for its files alone: what its catalog does not know there is removed."
            )
    return str(root)
