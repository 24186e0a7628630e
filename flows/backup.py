"""backup(): copy ledger and RAW to where backups lie, and on request read all of it back."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run_states import explained, failed, succeeded
from lakehouse.errors import AljibeError
from lakehouse.settings import load_settings
from tasks.take_backup import back_up, verify_newest


@flow(name="backup")
def backup(target: str | None = None, verify: bool = False) -> State[Any]:
    """Back up audit database, RAW lake and quarantine; runs may go on meanwhile.

    Args:
        target: folder or URL; default `ALJIBE_BACKUP_URL`.
        verify: read the whole backup afterwards.

    Returns:
        Completed, also where no place of backups is set; CompletedWithWarnings: the ledger names
        files that are gone; or Failed: nothing was backed up, or what was is damaged.
    """
    try:
        if target is None and load_settings().backup_url is None:
            return succeeded("no ALJIBE_BACKUP_URL is set: nothing was backed up")
        done = back_up(target)
        faults = verify_newest(target) if verify else []
    except AljibeError as error:
        return explained(error)
    if faults:
        return failed(f"{done['summary']}, but {len(faults)} files are damaged: {faults[0]}")
    return succeeded(done["summary"], done["warnings"])
