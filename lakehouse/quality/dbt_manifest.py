"""What dbt knows of a project, from `manifest.json`: nodes, lineage, groups, meta.

Format: https://schemas.getdbt.com/dbt/manifest/v12.json. Unit tests lie in `unit_tests` and
sources in `sources`, not in `nodes`. Results of a run do not belong here.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lakehouse.errors import DbtCouldNotRun

_SECTIONS = (
    "nodes",
    "sources",
    "unit_tests",
    "exposures",
    "functions",
    "metrics",
    "semantic_models",
    "saved_queries",
)


def read_dbt_artifact(path: Path, kind: str) -> dict[str, Any]:
    """Read one of dbt's JSON files.

    Args:
        path: the file.
        kind: its name in `metadata.dbt_schema_version`, such as `run-results`.

    Raises:
        DbtCouldNotRun: the file is missing, cut short, or of another kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DbtCouldNotRun(
            f"dbt left no {path.name} in {path.parent}: it ended before its first node. "
            "Read the last lines of dbt's log, correct the project or profile, and run again."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DbtCouldNotRun(
            f"{path} is cut short or damaged ({error}): dbt was stopped while it wrote. Run again."
        ) from None
    metadata = content.get("metadata") if isinstance(content, Mapping) else None
    schema = metadata.get("dbt_schema_version", "") if isinstance(metadata, Mapping) else ""
    if not re.search(rf"/{re.escape(kind)}/v\d+", str(schema)):
        raise DbtCouldNotRun(
            f"{path} is not a {kind} file of dbt (its schema: {schema or 'none'}). "
            "Something else writes to dbt's target folder: give dbt its own, and run again."
        )
    return dict(content)


def read_manifest(target_dir: Path) -> "Manifest":
    """Read `manifest.json` of dbt's target folder; as long as it stays the same, only once.

    Raises:
        DbtCouldNotRun: the file is missing, cut short, or of another kind.
    """
    path = target_dir / "manifest.json"
    seen = path.stat() if path.is_file() else None
    return _read_manifest(path, seen and (seen.st_ino, seen.st_mtime_ns, seen.st_size))


@lru_cache(maxsize=2)
def _read_manifest(path: Path, _version: tuple[int, int, int] | None) -> "Manifest":
    return Manifest(read_dbt_artifact(path, "manifest"))


def node_meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """`config.meta` of a node, group or column, or its older place `meta`."""
    config = node.get("config")
    for meta in (config.get("meta") if isinstance(config, Mapping) else None, node.get("meta")):
        if isinstance(meta, Mapping) and meta:
            return meta
    return {}


def plain_column(name: object) -> str | None:
    """A column's name without the quotes that `quote: true` puts around it; None for no name."""
    if not isinstance(name, str) or not name:
        return None
    quoted = re.fullmatch(r'"((?:[^"]|"")*)"|`([^`]*)`', name)
    return (quoted[1] or quoted[2] or "").replace('""', '"') if quoted else name


class Manifest:
    """Read access to a manifest; an unknown id is an empty node, so foreign projects pass.

    Attributes:
        content: the manifest as read.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self._ancestors: dict[str, frozenset[str]] = {}

    @cached_property
    def _nodes(self) -> dict[str, Mapping[str, Any]]:
        return {
            unique_id: node
            for section in _SECTIONS
            for unique_id, node in (self.content.get(section) or {}).items()
        }

    def __contains__(self, unique_id: str) -> bool:
        return unique_id in self._nodes

    @property
    def ids(self) -> Iterable[str]:
        """Ids of everything that the project has now."""
        return self._nodes.keys()

    def node(self, unique_id: str) -> Mapping[str, Any]:
        """The node, source or unit test of this id, or an empty mapping."""
        return self._nodes.get(unique_id, {})

    def name_of(self, unique_id: str) -> str:
        """A name that no other node of its kind has in the project.

        It is `source.table` for a source, has the version of a versioned model (`orders.v2`), and
        the package in front where another package has a node of the same kind and name.
        """
        node = self.node(unique_id)
        name = str(node.get("name") or unique_id)
        if node.get("resource_type") == "source":
            return f"{node.get('source_name')}.{name}"
        package = node.get("package_name")
        shared = len(self._packages_of_name[(str(node.get("resource_type")), name)]) > 1
        own = (self.content.get("metadata") or {}).get("project_name")
        versioned = f"{name}.v{node['version']}" if node.get("version") is not None else name
        return f"{package}.{versioned}" if shared and package != own else versioned

    @cached_property
    def _packages_of_name(self) -> Mapping[tuple[str, str], set[str]]:
        found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for node in self._nodes.values():
            key = (str(node.get("resource_type")), str(node.get("name")))
            found[key].add(str(node.get("package_name")))
        return found

    def parents(self, unique_id: str) -> tuple[str, ...]:
        """What the node reads directly, in dbt's order."""
        depends_on = self.node(unique_id).get("depends_on") or {}
        return tuple(depends_on.get("nodes") or ())

    def ancestors(self, unique_id: str) -> frozenset[str]:
        """Everything the node reads, directly or not; itself is not among them."""
        if unique_id not in self._ancestors:
            found: set[str] = set()
            ahead = list(self.parents(unique_id))
            while ahead:
                parent = ahead.pop()
                if parent not in found:
                    found.add(parent)
                    ahead.extend(self.parents(parent))
            self._ancestors[unique_id] = frozenset(found)
        return self._ancestors[unique_id]

    def data_tests(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every data test, generic or singular."""
        for unique_id, node in self._nodes.items():
            if node.get("resource_type") == "test":
                yield unique_id, node

    @cached_property
    def unique_columns(self) -> Mapping[str, tuple[str, ...]]:
        """For each node the columns that carry dbt's own `unique` test."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for unique_id, node in self.data_tests():
            tested, column = self.tested_node(unique_id), plain_column(node.get("column_name"))
            if kind_of_test(node) == "unique" and tested and column:
                found[tested].append(column)
        return {unique_id: tuple(columns) for unique_id, columns in found.items()}

    def tested_node(self, test_id: str) -> str | None:
        """Id of the model, seed, snapshot or source that a test is about; None for other nodes."""
        test = self.node(test_id)
        if test.get("resource_type") not in ("test", "unit_test"):
            return None
        if attached := test.get("attached_node"):
            return str(attached)
        parents = self.parents(test_id)
        if len(parents) == 1:
            return parents[0]
        # A source's test has no attached_node: only its `model` argument tells which one it is.
        model = str(((test.get("test_metadata") or {}).get("kwargs") or {}).get("model", ""))
        named = re.findall(r"'([^']+)'", model)
        for parent in parents:
            node = self.node(parent)
            if (
                named
                and named[-1] == node.get("name")
                and (
                    len(named) == 1
                    or named[0] in (node.get("source_name"), node.get("package_name"))
                )
            ):
                return parent
        return None

    def group(self, unique_id: str) -> Mapping[str, Any]:
        """The group of a node, or of the node it tests; empty without one.

        dbt gives sources no group: the `owner` of a source's meta names it.
        """
        node = self.node(unique_id)
        tested = self.node(self.tested_node(unique_id) or "")
        names = [node.get("group"), tested.get("group")]
        for one in (node, tested):
            if one.get("resource_type") == "source":
                names += [node_meta(one).get("owner"), (one.get("source_meta") or {}).get("owner")]
        for name in names:
            if name and name in self._groups:
                return self._groups[name]
        if node.get("resource_type") == "test" and not tested:
            # A singular test over several models is theirs if they have one owner.
            shared = {str(self.group(parent).get("name")) for parent in self.parents(unique_id)}
            return self._groups.get(shared.pop(), {}) if len(shared) == 1 else {}
        return {}

    @cached_property
    def _groups(self) -> dict[str, Mapping[str, Any]]:
        groups = (self.content.get("groups") or {}).values()
        return {str(group["name"]): dict(group) for group in groups if group.get("name")}


def kind_of_test(test: Mapping[str, Any]) -> str:
    """Kind of a test: the generic test's name, with its package if foreign, or `singular`."""
    if test.get("resource_type") == "unit_test":
        return "unit_test"
    metadata = test.get("test_metadata") or {}
    if not metadata.get("name"):
        return "singular"
    namespace = metadata.get("namespace")
    return f"{namespace}.{metadata['name']}" if namespace else str(metadata["name"])


def owner_of(manifest: Manifest, unique_id: str) -> str | None:
    """Who answers for a node: the owner of its group, else `owner` of its or its source meta."""
    owner = manifest.group(unique_id).get("owner") or {}
    tested = manifest.node(manifest.tested_node(unique_id) or "")
    named = [owner.get("name"), owner.get("email")]
    for node in (manifest.node(unique_id), tested):
        named += [node_meta(node).get("owner"), (node.get("source_meta") or {}).get("owner")]
    return next((str(name) for name in named if name), None)
