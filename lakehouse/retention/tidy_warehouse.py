"""Housekeeping of a domain's warehouse: of a lake what `tidy_lake` does, of a file nothing."""

from datetime import datetime, timedelta

from lakehouse.lake.audit_database import audit_engine
from lakehouse.lake.lake_warehouse import LakeWarehouse
from lakehouse.lake.tidy_lake import LakeTidied, tidy_lake
from lakehouse.lake.warehouse import warehouse_exists, warehouse_of
from lakehouse.publish.pinned_versions import pinned_publications
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import Settings


def needs_tidying(settings: Settings, domain: str) -> bool:
    """Whether the warehouse of a domain gathers what somebody has to remove.

    Raises:
        SettingsInvalid: what the lake needs is not set.
        WarehouseUnusable: its catalog does not answer.
    """
    warehouse = warehouse_of(settings, domain)
    return isinstance(warehouse, LakeWarehouse) and warehouse_exists(warehouse)


def tidy_warehouse(settings: Settings, domain: str, now: datetime) -> LakeTidied | None:
    """Tidy the warehouse of a domain; the caller is its writer.

    Args:
        settings: with the ages at which things go.
        domain: name of the domain.
        now: moment from which ages count, UTC.

    Returns:
        What was done; None where there is no lake.

    Raises:
        WarehouseConflict: somebody writes to the lake; nothing was lost.
        WarehouseUnusable: catalog or files cannot be reached now.
    """
    warehouse = warehouse_of(settings, domain)
    if not isinstance(warehouse, LakeWarehouse):
        return None
    log = PublicationLog(audit_engine(settings))
    pinned = [
        one.warehouse_version
        for one in pinned_publications(log, domain, settings.serving_kept)
        if one.warehouse_version is not None
    ]
    return tidy_lake(
        warehouse,
        pinned,
        now,
        keep=timedelta(days=settings.lake_keep_days),
        grace=timedelta(hours=settings.lake_grace_hours),
    )
