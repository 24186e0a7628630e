"""SQLite files are opened for reading only, and never made by a misspelt path."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

from lakehouse.errors import DatabaseRefused


def read_only(url: URL) -> URL:
    """The URL of an existing file that is opened for reading only, and never made.

    Raises:
        DatabaseRefused: there is no such file.
    """
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        return url
    path = Path(name).absolute()
    if not path.is_file():
        raise DatabaseRefused(
            f"There is no SQLite file {path}. Correct the path in the URL of the block; "
            "sqlite:////absolute/path.db has four slashes."
        )
    return url.set(database=f"file:{quote(str(path))}").update_query_dict(
        {"mode": "ro", "uri": "true"}
    )
