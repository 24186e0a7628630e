"""DuckDB's extensions, out of the installed packages and never from a network.

The packages `duckdb_extension_<name>` hold one file each; DuckDB wants them in a folder
`v<version>/<platform>/`, under the name that the extension has inside. Links there are enough:
https://duckdb.org/docs/stable/extensions/advanced_installation_methods.
"""

import uuid
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import duckdb

from lakehouse.errors import ExtensionMissing
from lakehouse.sql_quoting import sql_string

EXTENSIONS = ("httpfs", "postgres", "ducklake")
# An extension is loaded under the name its file has inside, whatever its package is called.
_FILE_NAMES = {"postgres": "postgres_scanner"}


def prepare_extensions(folder: Path) -> Path:
    """Make `folder` a DuckDB `extension_directory` with every extension of `EXTENSIONS`.

    Again, or by several processes at once, it does the same; links that name an older environment
    are replaced, each in one step.

    Args:
        folder: made if missing.

    Returns:
        The absolute folder.

    Raises:
        ExtensionMissing: the package of an extension is not installed, or is for another DuckDB.
    """
    place = folder.absolute() / f"v{duckdb.__version__}" / _platform()
    place.mkdir(parents=True, exist_ok=True)
    for name in EXTENSIONS:
        packed = _packed(name)
        link = place / f"{_FILE_NAMES.get(name, name)}.duckdb_extension"
        if link.is_symlink() and link.readlink() == packed:
            continue
        fresh = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
        fresh.symlink_to(packed)
        fresh.replace(link)
    return folder.absolute()


def load_extensions(
    connection: duckdb.DuckDBPyConnection, folder: Path, names: Sequence[str]
) -> None:
    """Load extensions into a connection, and keep it from looking for others elsewhere.

    Args:
        connection: of any kind; loaded for its whole database.
        folder: see `prepare_extensions`.
        names: of `EXTENSIONS`.

    Raises:
        ExtensionMissing: the package of an extension is not installed, or is for another DuckDB.
    """
    connection.execute(f"set extension_directory = {sql_string(str(prepare_extensions(folder)))}")
    connection.execute("set autoinstall_known_extensions = false")
    for name in names:
        try:
            connection.load_extension(_FILE_NAMES.get(name, name))
        except duckdb.Error as error:
            cause = str(error).partition("\n")[0]
            raise ExtensionMissing(
                f"DuckDB's extension {name} in {folder} cannot be loaded: {cause}. {_ADVICE}"
            ) from error


_ADVICE = "Install the packages of requirements.lock, and start again."


@cache
def _packed(name: str) -> Path:
    """The file of an extension in its package."""
    package = f"duckdb_extension_{name}"
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        file = Path(place) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    raise ExtensionMissing(
        f"The package {package} for DuckDB {duckdb.__version__} is not installed. {_ADVICE}"
    )


@cache
def _platform() -> str:
    with duckdb.connect() as connection:
        row = connection.execute("pragma platform").fetchone()
    return str(row[0]) if row else ""
