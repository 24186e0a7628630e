"""The PostgreSQL that is published to: the saved block, else the setting, else none."""

from sqlalchemy import URL

from blocks.database import database_url
from lakehouse.errors import BlockInvalid, VariableMissing
from lakehouse.settings import Settings

SERVING_BLOCK = "serving-postgres"


def serving_database_url(settings: Settings, *, saved: bool = True) -> URL | None:
    """URL of the serving database; None if nothing is published to one.

    Args:
        settings: of this machine.
        saved: whether a Prefect API may have the block; else the setting alone counts.

    Raises:
        BlockInvalid: it names something else than a PostgreSQL database.
        PrefectUnavailable: the API that may have the block does not answer.
    """
    try:
        url = database_url(SERVING_BLOCK, settings, saved=saved)
    except VariableMissing:
        return None
    if url.get_backend_name() != "postgresql" or not url.database:
        raise BlockInvalid(
            f"ALJIBE_SERVING_URL, or the block {SERVING_BLOCK}, has to name a PostgreSQL database: "
            "postgresql://USER:$PASSWORD@HOST:5432/DATABASE."
        )
    return url
