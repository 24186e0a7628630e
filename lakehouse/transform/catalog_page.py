"""dbt's data catalog as one file that asks nobody for anything.

dbt writes a viewer (`index.html`) and two JSON files. Here the JSON is cut down to what a reader
may see of one domain and put into the viewer so that no text of a project can become markup.
"""

import base64
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from html import escape
from typing import Any

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.dbt_manifest import Manifest

_BY_ID = (
    "nodes",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "functions",
)
# Compiled SQL may hold what it asked the warehouse for.
_OF_THE_RUN = (
    *("created_at", "build_path", "root_path", "patch_path"),
    *("compiled", "compiled_path", "compiled_code", "extra_ctes", "extra_ctes_injected"),
)
_PLACE = re.compile(r'"(MANIFEST|CATALOG)\.JSON INLINE DATA"')
_TAGS = re.compile(r"<link\b[^>]*>|<meta (?:property=\"og:|name=\"(?:twitter|msapplication))[^>]*>")
_SCRIPT = re.compile(r"<script defer=\"defer\">(.*)</script>", re.DOTALL)
_BACK = (
    '<a href="{href}" style="position:fixed;top:23px;left:168px;z-index:9;padding:6px 12px;'
    "border-radius:4px;background:#fff;color:#0b5d66;font:14px/1.4 sans-serif;"
    'box-shadow:0 1px 3px rgba(0,0,0,.3)">{label}</a>'
)


def shown_manifest(manifest: Manifest, domain: str | None) -> dict[str, Any]:
    """What the catalog shows of a manifest.

    Left out are dbt's own macros, compiled SQL and unit tests (they may hold rows), paths of this
    machine, times of the run, and what does not belong to the domain.

    Args:
        manifest: of the build.
        domain: keep what lies in a folder of this name below `models`, `seeds` and so on, and
            what that reads; None keeps the whole project.
    """
    content = manifest.content
    metadata = content.get("metadata") or {}
    kept = _nodes_of(manifest, domain)
    own_macros = {
        unique_id: macro
        for unique_id, macro in (content.get("macros") or {}).items()
        if not _is_dbts_own(macro, str(metadata.get("adapter_type")))
    }
    used = {manifest.node(unique_id).get("group") for unique_id in kept}
    shown: dict[str, Any] = {
        section: {
            unique_id: _without(node, _OF_THE_RUN)
            for unique_id, node in (content.get(section) or {}).items()
            if unique_id in kept
        }
        for section in _BY_ID
    }
    for edges in ("parent_map", "child_map"):
        shown[edges] = {
            unique_id: [other for other in others if other in kept]
            for unique_id, others in (content.get(edges) or {}).items()
            if unique_id in kept
        }
    return {
        **shown,
        "macros": {key: _without(macro, _OF_THE_RUN) for key, macro in own_macros.items()},
        "docs": content.get("docs") or {},
        "groups": {
            unique_id: group
            for unique_id, group in (content.get("groups") or {}).items()
            if group.get("name") in used
        },
        "unit_tests": {},
        "disabled": {},
        "metadata": {
            "project_name": metadata.get("project_name"),
            "adapter_type": metadata.get("adapter_type"),
            "dbt_version": metadata.get("dbt_version"),
            "quoting": metadata.get("quoting"),
            "send_anonymous_usage_stats": False,
        },
    }


def manifest_hash(shown: Mapping[str, Any]) -> str:
    """Hash of what `shown_manifest` gave; equal as long as nobody changed the project."""
    # Which macros a node uses is known only of the nodes that the last command compiled.
    nodes = {
        key: {**node, "depends_on": (node.get("depends_on") or {}).get("nodes")}
        for key, node in shown["nodes"].items()
    }
    content = json.dumps({**shown, "nodes": nodes}, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def shown_catalog(catalog: Mapping[str, Any], kept: Collection[str]) -> dict[str, Any]:
    """What the catalog shows of `catalog.json`: columns and types of the nodes kept."""
    return {
        section: {
            unique_id: table
            for unique_id, table in (catalog.get(section) or {}).items()
            if unique_id in kept
        }
        for section in ("nodes", "sources")
    }


def catalog_page(
    viewer: str,
    manifest: Mapping[str, Any],
    catalog: Mapping[str, Any],
    *,
    title: str,
    back: tuple[str, str],
) -> str:
    """Put the data into dbt's viewer, and forbid it to load anything.

    Args:
        viewer: dbt's `index.html`.
        manifest: from `shown_manifest`.
        catalog: from `shown_catalog`.
        title: of the page.
        back: address and words of the link back to the reports.

    Raises:
        DbtCouldNotRun: the viewer is not built as the one of dbt 1.11.
    """
    data = {"MANIFEST": manifest, "CATALOG": catalog}
    # A browser asks for the icon `{{ ... }}` before Angular has put its name there.
    viewer = viewer.replace('xlink:href="{{', 'ng-attr-xlink:href="{{')
    filled, places = _PLACE.subn(lambda at: _script_json(data[str(at[1])]), viewer)
    script = _SCRIPT.search(filled)
    if places != len(data) or script is None or filled.count("<html ") != 1:
        raise DbtCouldNotRun(
            "The viewer of this version of dbt has no place for its data: the data catalog is "
            "left out. Install the version of dbt-core that pyproject.toml names."
        )
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    before, after = filled[: script.start()], filled[script.end() :]
    before = _TAGS.sub("", before)
    # Without this word Angular tries out `eval`, which the policy answers with an error.
    before = before.replace("<html ", '<html ng-csp="no-unsafe-eval" ', 1)
    before = re.sub(r"<title>.*?</title>", f"<title>{escape(title)}</title>", before, count=1)
    before = before.replace(
        '<meta charset="utf-8">',
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">',
        1,
    )
    link = _BACK.format(href=escape(back[0]), label=escape(back[1]))
    return f"{before}{script[0]}{after.replace('</body>', link + '</body>', 1)}"


def _nodes_of(manifest: Manifest, domain: str | None) -> frozenset[str]:
    everything = dict(_everything(manifest))
    if domain is None:
        return frozenset(everything)
    own = {key for key, node in everything.items() if domain in _folders(node)}
    kept = own | {parent for key in own for parent in manifest.ancestors(key)}
    # A generic test of the domain's models may be declared elsewhere.
    kept |= {key for key, _ in manifest.data_tests() if set(manifest.parents(key)) & own}
    kept |= {parent for key in kept for parent in manifest.parents(key)}
    return frozenset(kept & set(everything))


def _everything(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for section in _BY_ID:
        yield from (manifest.content.get(section) or {}).items()


def _folders(node: Mapping[str, Any]) -> list[str]:
    # `models/<domain>/...`, `tests/singular/<domain>/...`
    return str(node.get("original_file_path") or "").replace("\\", "/").split("/")[1:3]


def _is_dbts_own(macro: Mapping[str, Any], adapter: str) -> bool:
    return macro.get("package_name") in ("dbt", f"dbt_{adapter}")


def _without(node: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in fields}


def _script_json(value: object) -> str:
    # `<` would let a description close the script element.
    return json.dumps(value, default=str).replace("<", "\\u003c")
