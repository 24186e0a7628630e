"""What a domain reads: dbt's own `_sources.yml` files as validated models.

Everything that needs to know a source (extraction, landing contract, raw views, owners) asks
here. The format is dbt's; `config.meta` of a source and of its tables carries what dbt leaves
open. Values of the source's meta serve its tables as defaults.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lakehouse.errors import CatalogInvalid, DomainUnknown
from lakehouse.format_options import CsvDialect, Strict
from lakehouse.table_contract import METADATA_COLUMNS, NAME, Column, Table
from lakehouse.table_meta import FIELDS_OF, TableMeta, fitting_meta

__all__ = [
    "METADATA_COLUMNS",
    "Catalog",
    "Column",
    "CsvDialect",
    "Table",
    "TableMeta",
    "known_domains",
    "load_catalog",
]


class Catalog(Strict):
    """The sources of one domain."""

    domain: str
    tables: tuple[Table, ...]

    def table(self, source: str, name: str) -> Table:
        """Find a table.

        Raises:
            CatalogInvalid: naming the tables that do exist.
        """
        for table in self.tables:
            if (table.source, table.name) == (source, name):
                return table
        known = ", ".join(table.full_name for table in self.tables) or "none"
        raise CatalogInvalid(f"{source}.{name} is not a table of {self.domain}. Known: {known}.")


def known_domains(project_dir: Path) -> list[str]:
    """Names of the domains: the folders below `models/` of the dbt project."""
    models = project_dir / "models"
    if not models.is_dir():
        return []
    return sorted(path.name for path in models.iterdir() if path.is_dir())


def load_catalog(project_dir: Path, domain: str) -> Catalog:
    """Read and validate every `*sources.yml` below the domain's folder of models.

    Raises:
        DomainUnknown: the folder does not exist; names those that do.
        CatalogInvalid: naming file, source, table and field of every fault.
    """
    folder = project_dir / "models" / domain
    if not NAME.fullmatch(domain) or not folder.is_dir():
        known = ", ".join(known_domains(project_dir)) or "none"
        raise DomainUnknown(f"There is no domain {domain!r} in {project_dir}. Known: {known}.")
    faults: list[str] = []
    tables: list[Table] = []
    for path in sorted({*folder.rglob("*sources.yml"), *folder.rglob("*sources.yaml")}):
        tables += _tables_of_file(path, project_dir, faults)
    faults += _doubled_names(tables)
    if faults:
        raise CatalogInvalid("Sources cannot be used:\n" + "\n".join(f"- {f}" for f in faults))
    return Catalog(domain=domain, tables=tuple(tables))


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """YAML as plain values, which nobody changes: every task of a run asks for its catalog."""
    return yaml.safe_load(text)


def _tables_of_file(path: Path, project_dir: Path, faults: list[str]) -> Iterator[Table]:
    shown = path.relative_to(project_dir)
    try:
        content = _parsed(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        faults.append(f"{shown}: not readable as YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(content, Mapping):
        faults.append(f"{shown}: must be a mapping with the key sources")
        return
    for source in _list(content, "sources", str(shown), faults):
        if not isinstance(source, Mapping) or not _is_name(source.get("name")):
            faults.append(f"{shown}: a source without a usable name (lower case, digits, _)")
            continue
        where = f"{shown}: source {source['name']}"
        source_meta = _meta(source, where, faults)
        for entry in _list(source, "tables", where, faults):
            table = _table(source, source_meta, entry, path, where, faults)
            if table:
                yield table


def _table(
    source: Mapping[str, Any],
    source_meta: Mapping[str, Any],
    entry: Any,
    path: Path,
    where: str,
    faults: list[str],
) -> Table | None:
    if not isinstance(entry, Mapping) or not _is_name(entry.get("name")):
        faults.append(f"{where}: a table without a usable name (lower case, digits, _)")
        return None
    where = f"{where}, table {entry['name']}"
    if entry.get("identifier") not in (None, entry["name"]):
        faults.append(f"{where}, field identifier: leave it out, the raw view has the table's name")
        return None
    meta = {**source_meta, **_meta(entry, where, faults)}
    connector, block = meta.pop("connector", None), meta.pop("block", None)
    columns = [_column(column, where, faults) for column in _list(entry, "columns", where, faults)]
    try:
        return Table.model_validate(
            {
                "source": source["name"],
                "name": entry["name"],
                "connector": connector,
                "block": block,
                "schema_name": source.get("schema") or source["name"],
                "meta": fitting_meta(meta, connector),
                "columns": columns,
                "file": path,
            }
        )
    except ValidationError as error:
        faults += [
            f"{where}{_field(fault['loc'], columns)}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        return None


def _column(column: Any, where: str, faults: list[str]) -> dict[str, Any]:
    if not isinstance(column, Mapping):
        faults.append(f"{where}, field columns: {column!r} must be a mapping with a name")
        return {"name": str(column)}
    meta = _meta(column, f"{where}, column {column.get('name')}", faults)
    return {
        "name": column.get("name"),
        "data_type": column.get("data_type") or "varchar",
        "pii": meta.get("pii", False),
        **{name: meta[name] for name in ("start", "length", "path") if name in meta},
    }


def _list(node: Mapping[str, Any], key: str, where: str, faults: list[str]) -> list[Any]:
    value = node.get(key) or []
    if isinstance(value, list):
        return value
    faults.append(f"{where}, field {key}: must be a list")
    return []


def _meta(node: Mapping[str, Any], where: str, faults: list[str]) -> Mapping[str, Any]:
    config = node.get("config") or {}
    meta = (config.get("meta") or {}) if isinstance(config, Mapping) else None
    if isinstance(meta, Mapping):
        return meta
    faults.append(f"{where}, field config.meta: must be a mapping")
    return {}


def _field(loc: tuple[int | str, ...], columns: list[dict[str, Any]]) -> str:
    parts = [str(part) for part in loc]
    if not parts:
        return ""
    if len(parts) > 1 and parts[0] == "columns" and parts[1].isdigit():
        parts[1] = str(columns[int(parts[1])]["name"])
    if parts[0] in ("connector", "block", "meta"):
        inner = parts[1:] if parts[0] == "meta" else parts
        parts = ["config", "meta", *(inner[1:] if inner[:1] and inner[0] in FIELDS_OF else inner)]
    if parts[0] == "schema_name":
        parts = ["schema"]
    return f", field {'.'.join(parts)}"


def _doubled_names(tables: list[Table]) -> Iterator[str]:
    seen: dict[tuple[str, str], Table] = {}
    for table in tables:
        key = (table.schema_name, table.name)
        if key in seen:
            other = seen[key]
            yield (
                f"{table.file.name}: source {table.source}, table {table.name}, field name: "
                f"{other.full_name} already has the view {key[0]}.{key[1]}; rename one"
            )
        seen[key] = table


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None
