"""Parts of a domain that its warehouse does not hold yet, and what they keep from being tested.

While some are missing, a build of a part leaves out tests that read what it neither builds nor
builds upon (dbt's `buildable`); once all are there, it runs every test that touches the part.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import duckdb

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.duckdb_session import open_warehouse
from lakehouse.lake.warehouse import warehouse_exists
from lakehouse.quality.build_results import BuildResults
from lakehouse.quality.dbt_manifest import Manifest, read_manifest
from lakehouse.transform.dbt_command import DbtBuild

_BUILT = ("model", "seed", "snapshot")
_SUFFIXES = {"models": ".sql", "seeds": ".csv"}


def has_unbuilt_parts(build: DbtBuild) -> bool:
    """Whether a model, seed or snapshot of the domain was never built in its warehouse.

    What the domain has is known from the manifest of the build before, and from files that are
    newer than it.
    """
    if not warehouse_exists(build.warehouse):
        return True
    try:
        manifest = read_manifest(build.target_path)
    except DbtCouldNotRun:
        return True
    if set(_files(build)) - set(_declared_files(manifest)):
        return True
    with open_warehouse(build.warehouse, read_only=True) as connection:
        there = _relations(connection)
    return any(relation not in there for relation in _wanted(manifest, build.domain))


def tests_among(selection: str) -> str:
    """The data tests and unit tests of a dbt selection, without what it names to be built."""
    return " ".join(
        f"{word},resource_type:{kind}"
        for word in selection.split()
        for kind in ("test", "unit_test")
    )


def left_out_tests(build: DbtBuild, results: BuildResults, manifest: Manifest) -> dict[str, str]:
    """Data tests that read what was built and also what was not, and did not run for that.

    Args:
        build: that ran; where it was to run every test there are none.
        results: of the build.
        manifest: of the same build.

    Returns:
        Their names by unique id.
    """
    if not build.only_buildable_tests:
        return {}
    run = {node.unique_id for node in results.nodes}
    built = {node.unique_id for node in results.models}
    found = {}
    for unique_id, _ in manifest.data_tests():
        read = {one for one in manifest.parents(unique_id) if _is_built(manifest, one)}
        if unique_id not in run and read & built and read - built:
            found[unique_id] = manifest.name_of(unique_id)
    return dict(sorted(found.items()))


def _is_built(manifest: Manifest, unique_id: str) -> bool:
    node = manifest.node(unique_id)
    materialized = (node.get("config") or {}).get("materialized")
    return node.get("resource_type") in _BUILT and materialized != "ephemeral"


def _wanted(manifest: Manifest, domain: str) -> Iterator[tuple[str, str]]:
    for unique_id, node in (manifest.content.get("nodes") or {}).items():
        if domain in (node.get("fqn") or [])[1:2] and _is_built(manifest, unique_id):
            yield str(node["schema"]), str(node.get("alias") or node["name"])


def _relations(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database()"
    )
    return {(schema, name) for schema, name in found.fetchall()}


def _files(build: DbtBuild) -> Iterator[str]:
    for part, suffix in _SUFFIXES.items():
        for path in (build.project_dir / part / build.domain).rglob(f"*{suffix}"):
            yield path.relative_to(build.project_dir).as_posix()


def _declared_files(manifest: Manifest) -> Iterator[str]:
    disabled = (manifest.content.get("disabled") or {}).values()
    for node in chain((manifest.content.get("nodes") or {}).values(), *disabled):
        yield Path(str(node.get("original_file_path"))).as_posix()
