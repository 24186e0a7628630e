"""A declaration into the files of the dbt project, beside what is there and never over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import AlreadyDeclared
from lakehouse.lake.durable_files import make_folder
from lakehouse.scaffold.declaration import Declaration, Wanted, dumped


@dataclass(frozen=True)
class PlannedFile:
    """A file as it will be.

    Attributes:
        path: where.
        content: all of it.
        added: the part that is new.
    """

    path: Path
    content: str
    added: str


def plan_files(declaration: Declaration, wanted: Wanted, project_dir: Path) -> list[PlannedFile]:
    """Say which files a declaration makes or adds to; writes nothing.

    Raises:
        AlreadyDeclared: the table, the model or its entry exists.
    """
    folder = project_dir / "models" / wanted.domain / "staging"
    _assert_new_model(project_dir / "models", declaration.model_name)
    model = folder / f"{declaration.model_name}.sql"
    return [
        _source_file(declaration, wanted, folder),
        PlannedFile(model, declaration.model_sql, declaration.model_sql),
        _models_file(declaration, folder),
    ]


def write_files(planned: list[PlannedFile]) -> None:
    """Write what was planned, each file whole or not at all."""
    for file in planned:
        make_folder(file.path.parent)
        temporary = file.path.with_name(f"{file.path.name}.tmp")
        temporary.write_text(file.content, "utf-8", newline="")
        temporary.rename(file.path)


def _source_file(declaration: Declaration, wanted: Wanted, folder: Path) -> PlannedFile:
    path, source = _where_declared(folder.parent, wanted.source)
    if path is None or source is None:
        path = folder / f"_{wanted.source}__sources.yml"
        if path.exists():
            raise AlreadyDeclared(f"{path} exists and declares another source; move or rename it.")
        entry = {
            "name": wanted.source,
            "schema": "raw",
            "config": {"meta": dict(declaration.source_meta)},
            "tables": [declaration.table],
        }
        text = f"sources:\n{dumped([entry], 2)}"
        return PlannedFile(path, text, text)
    if any(table.get("name") == wanted.table for table in source.get("tables") or []):
        raise AlreadyDeclared(
            f"{path.name}: {wanted.source} has a table {wanted.table} already. Change it there."
        )
    return _with_item(path, "sources", wanted.source, "tables", dict(declaration.table))


def _models_file(declaration: Declaration, folder: Path) -> PlannedFile:
    path = folder / "_staging__models.yml"
    if not path.exists():
        text = f"models:\n{dumped([declaration.model_entry], 2)}"
        return PlannedFile(path, text, text)
    entries = (yaml.safe_load(path.read_text("utf-8")) or {}).get("models") or []
    if any(entry.get("name") == declaration.model_name for entry in entries):
        raise AlreadyDeclared(f"{path.name} describes {declaration.model_name} already.")
    return _with_item(path, "models", None, None, dict(declaration.model_entry))


def _where_declared(models: Path, name: str) -> tuple[Path | None, Mapping[str, Any] | None]:
    for path in sorted(models.rglob("*sources.yml")):
        content = yaml.safe_load(path.read_text("utf-8")) or {}
        for source in content.get("sources") or []:
            if source.get("name") == name:
                return path, source
    return None, None


def _assert_new_model(models: Path, name: str) -> None:
    if found := next(models.rglob(f"{name}.sql"), None):
        raise AlreadyDeclared(
            f"{found.relative_to(models.parent)} exists; names of models are unique. Choose "
            "another name for the table, or remove the model."
        )


def _with_item(
    path: Path, outer: str, name: str | None, inner: str | None, item: dict[str, Any]
) -> PlannedFile:
    """Add an item to a list of a YAML file; the rest, comments too, stays as it is."""
    # Not as text: that would turn every line end into the same one.
    text = path.read_bytes().decode("utf-8")
    items = _items(path, yaml.compose(text, Loader=yaml.SafeLoader), outer)
    if inner is not None:
        owner = next(node for node in items.value if _value(node, "name") == name)
        items = _items(path, owner, inner)
    last = items.value[-1]
    if items.flow_style:
        raise AlreadyDeclared(f"{path.name}: its list of {inner or outer} is on one line; open it.")
    line_end = "\r\n" if "\r\n" in text else "\n"
    indent = max(0, last.start_mark.column - 2)
    added = dumped([item], indent).replace("\n", line_end)
    lines = text.splitlines(keepends=True)
    end = _end_of(last)
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    before, after = "".join(lines[:end]), "".join(lines[end:])
    if not before.endswith("\n"):
        before += line_end
    return PlannedFile(path, f"{before}{line_end}{added}{after}", added)


def _end_of(node: yaml.Node) -> int:
    """Lines up to the end of a node's last leaf; a block's own end is after its blank lines."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1])
    mark = node.end_mark
    return int(mark.line + (1 if mark.column else 0))


def _items(path: Path, node: yaml.Node | None, key: str) -> yaml.SequenceNode:
    """The list of a mapping, which an item can be added to."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next((value for name, value in pairs if name.value == key), None)
    if isinstance(found, yaml.SequenceNode) and found.value:
        return found
    owner = node and _value(node, "name")
    raise AlreadyDeclared(
        f"{path.name}: {owner or 'it'} has no {key} below which another could be added. Write the "
        f"first of its {key} by hand, or remove {'the entry' if owner else 'the file'}."
    )


def _value(node: Any, key: str) -> str | None:
    return next((value.value for name, value in node.value if name.value == key), None)
