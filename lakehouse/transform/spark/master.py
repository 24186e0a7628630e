"""Where a Spark session runs, and whether somebody listens there."""

import socket

from lakehouse.errors import SparkUnreachable

_STANDALONE = "spark://"


def assert_reachable(master: str, *, timeout: float = 10) -> None:
    """Make sure that one of a standalone cluster's masters takes connections.

    Spark itself would try for a minute and then say little. Other kinds of clusters have their
    own ways, and are waited for when the session starts.

    Args:
        master: URL, such as `spark://host:7077` or `spark://one:7077,two:7077`.
        timeout: seconds for each master.

    Raises:
        SparkUnreachable: none does.
    """
    if not master.startswith(_STANDALONE):
        return
    faults = []
    for place in master.removeprefix(_STANDALONE).split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout).close()
        except (OSError, OverflowError) as error:
            faults.append(f"{place}: {error}")
        else:
            return
    raise SparkUnreachable(
        f"No Spark master answers at {master} ({'; '.join(faults)}). Look whether the cluster "
        "runs and whether ALJIBE_SPARK_MASTER is the URL that its page shows."
    )
