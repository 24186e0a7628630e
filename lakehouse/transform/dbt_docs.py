"""The data catalog of a project, made anew only when the project changed.

dbt compares nothing and takes seconds, so that the page itself remembers what it was made from.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lakehouse.errors import DbtCouldNotRun
from lakehouse.lake.durable_files import publish_file, sync
from lakehouse.quality.dbt_manifest import Manifest, read_dbt_artifact, read_manifest
from lakehouse.quality.dbt_results import parse_results
from lakehouse.transform.catalog_page import (
    catalog_page,
    manifest_hash,
    shown_catalog,
    shown_manifest,
)
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_process import DbtLine, run_dbt

_STAMP = re.compile(rb"<!-- made from (\{.*\}) -->\s*\Z")
_LONGEST_STAMP = 1 << 20
_REUSED = ("manifest.json", "partial_parse.msgpack")


def build_catalog(
    build: DbtBuild,
    profiles_dir: str,
    page: Path,
    *,
    timeout: float,
    on_line: Callable[[DbtLine], None],
    keep_open: Sequence[int] = (),
    back: tuple[str, str] = ("index.html", "Reports"),
) -> Path:
    """Make the data catalog of a build that has ended, unless the one there still holds.

    It shows models, sources, columns, tests and lineage, not the data. It is made anew when the
    project changed, or when a table that was missing in it has been built since.

    Args:
        build: whose manifest lies in its target folder; nothing in that folder is overwritten.
        profiles_dir: folder of the profile in which everything is filled in.
        page: file to write.
        timeout: seconds after which dbt is killed.
        on_line: gets dbt's lines worth showing.
        keep_open: descriptors of locks that dbt has to hold: it opens the warehouse.
        back: address and words of the link back to the reports.

    Returns:
        `page`.

    Raises:
        DbtCouldNotRun: dbt left no manifest, could not read the warehouse, or is of another
            version.
        DbtTimedOut: killed by the time-out.
        DbtKilled: killed by somebody else.
    """
    manifest = read_manifest(build.target_path)
    shown = shown_manifest(manifest, None if build.foreign else build.domain)
    made_from = manifest_hash({**shown, "back": back})
    built = _built(build, manifest)
    stamp = _read_stamp(page)
    if stamp.get("project") == made_from and not built & set(stamp.get("missing") or ()):
        return page
    with TemporaryDirectory(prefix="docs-", dir=build.target_path) as folder:
        viewer, catalog = _generate(
            build, profiles_dir, Path(folder), timeout=timeout, on_line=on_line, keep_open=keep_open
        )
    tables = shown_catalog(catalog, {*shown["nodes"], *shown["sources"]})
    title = f"{build.domain} · data catalog"
    html = catalog_page(viewer, shown, tables, title=title, back=back)
    missing = _relations(shown["nodes"]) - set(tables["nodes"]) - built
    _write(page, html + _stamp(made_from, sorted(missing)))
    return page


def _generate(
    build: DbtBuild,
    profiles_dir: str,
    target: Path,
    *,
    timeout: float,
    on_line: Callable[[DbtLine], None],
    keep_open: Sequence[int],
) -> tuple[str, dict[str, Any]]:
    """Run dbt; returns its viewer and the content of `catalog.json`."""
    for name in _REUSED:
        if (build.target_path / name).is_file():
            shutil.copyfile(build.target_path / name, target / name)
    # The build has compiled its models; compiled here, SQL that asks the warehouse could fail.
    code = run_dbt(
        [
            *build.in_warehouse.command("docs", "generate", target_path=target),
            *("--no-compile", "--profiles-dir", profiles_dir),
        ],
        build.child_environment(),
        timeout=timeout,
        on_line=on_line,
        keep_open=keep_open,
        working_dir=build.working_dir,
    )
    catalog = read_dbt_artifact(target / "catalog.json", "catalog")
    if code:
        raise DbtCouldNotRun(
            "dbt could not read all of the warehouse for the data catalog: "
            + "; ".join(str(error) for error in catalog.get("errors") or ["see its log above"])
        )
    return (target / "index.html").read_text(encoding="utf-8"), catalog


def _built(build: DbtBuild, manifest: Manifest) -> set[str]:
    run = read_dbt_artifact(build.target_path / "run_results.json", "run-results")
    return {node.unique_id for node in parse_results(run, manifest).nodes if node.status == "pass"}


def _relations(nodes: dict[str, Any]) -> set[str]:
    return {
        unique_id
        for unique_id, node in nodes.items()
        if node.get("resource_type") in ("model", "seed", "snapshot")
        and (node.get("config") or {}).get("materialized") != "ephemeral"
    }


def _stamp(made_from: str, missing: Sequence[str]) -> str:
    # Two dashes would end the comment.
    content = json.dumps({"project": made_from, "missing": missing}).replace("-", "\\u002d")
    return f"<!-- made from {content} -->\n"


def _read_stamp(page: Path) -> dict[str, Any]:
    try:
        with page.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LONGEST_STAMP))
            found = _STAMP.search(file.read())
        content = json.loads(found[1]) if found else {}
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(page: Path, html: str) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    temporary = page.with_name(f".{page.name}.{os.getpid()}.part")
    try:
        temporary.write_text(html, encoding="utf-8")
        sync(temporary)
        publish_file(temporary, page)
    finally:
        temporary.unlink(missing_ok=True)
