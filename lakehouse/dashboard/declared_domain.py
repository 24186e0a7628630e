"""What the dbt project declares of a domain that the dashboard needs.

Boards are its exposures with figures, owners its groups, and personal are the columns marked
`config.meta.pii`. All of it is read from the project's YAML: the dashboard needs neither dbt nor
the folder of a build. Descriptions come with the published tables themselves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lakehouse.dashboard.figure import Figure
from lakehouse.quality.dbt_manifest import node_meta, plain_column
from lakehouse.quality.masking import is_personal
from lakehouse.reports.artifacts.artifact_keys import slug

_FOLDERS = ("models", "seeds", "snapshots")
_KINDS = ("models", "seeds", "snapshots", "sources")


@dataclass(frozen=True)
class Board:
    """Figures that belong together.

    Attributes:
        name: of the exposure.
        title: its label.
        description: what it answers.
        owner: who answers for it.
        language: of title and description, as the domain's groups declare it.
        figures: in the order of their declaration.
    """

    name: str
    title: str
    description: str
    owner: str
    language: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class DeclaredDomain:
    """What is known of a domain beside its data.

    Attributes:
        name: folder name below `dbt/models/`.
        is_known: whether the project has it; of a domain that it lacks no row is shown.
        boards: in the order of their declaration.
        owners: name of each owner by the name of the page that is his sheet.
        masked: lower-case names of the columns with personal data.
        faults: what of the declarations cannot be used, in words.
    """

    name: str
    is_known: bool
    boards: tuple[Board, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    masked: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


def declared_domain(project: Path, domain: str) -> DeclaredDomain:
    """Read what is declared of a domain; as long as the files stay the same, only once.

    Args:
        project: the dbt project.
        domain: its name; it is looked for among the folders, never used as a path.
    """
    known = {path.name for path in (project / "models").glob("*/")}
    if domain not in known:
        return DeclaredDomain(domain, is_known=False)
    files = sorted(
        path
        for folder in _FOLDERS
        for suffix in ("*.yml", "*.yaml")
        for path in (project / folder / domain).rglob(suffix)
    )
    return _read(domain, tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=64)
def _read(domain: str, files: tuple[tuple[Path, int], ...]) -> DeclaredDomain:
    faults: list[str] = []
    documents = [(path, _content(path, faults)) for path, _ in files]
    is_blind = bool(faults)
    groups = list(_entries(documents, "groups"))
    languages = {str(node_meta(group).get("language") or "en") for _, group in groups}
    language = languages.pop() if len(languages) == 1 else "en"
    boards = [_board(path, one, language, faults) for path, one in _entries(documents, "exposures")]
    return DeclaredDomain(
        name=domain,
        # A file that cannot be read may be the one that says what is personal.
        is_known=not is_blind,
        boards=tuple(board for board in boards if board.figures),
        owners=tuple((slug(str(g.get("name"))), _owner(g)) for _, g in groups),
        masked=frozenset(_masked(documents)),
        faults=tuple(faults),
    )


def _content(path: Path, faults: list[str]) -> Mapping[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - it is safe
    except (OSError, ValueError, yaml.YAMLError) as error:
        faults.append(f"{path.name} cannot be read: {type(error).__name__}")
        return {}
    return read if isinstance(read, Mapping) else {}


def _entries(
    documents: list[tuple[Path, Mapping[str, Any]]], key: str
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path, content in documents:
        for entry in content.get(key) or []:
            if isinstance(entry, Mapping):
                yield path, entry


def _masked(documents: list[tuple[Path, Mapping[str, Any]]]) -> Iterator[str]:
    for kind in _KINDS:
        for _, node in _entries(documents, kind):
            for table in (node, *(node.get("tables") or ())):
                for column in table.get("columns") or ():
                    name = plain_column(column.get("name"))
                    if name and is_personal(column):
                        yield name.lower()


def _board(path: Path, exposure: Mapping[str, Any], language: str, faults: list[str]) -> Board:
    name = str(exposure.get("name") or "")
    figures = []
    for number, declared in enumerate(node_meta(exposure).get("figures") or (), start=1):
        try:
            figures.append(Figure.model_validate(declared))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            said = first["msg"].removeprefix("Value error, ")
            where = f"{path.name}, exposure {name}, figure {number}"
            faults.append(f"{where}{', ' + field if field else ''}: {said}")
    twice = {one.name for one in figures if sum(one.name == two.name for two in figures) > 1}
    faults.extend(f"{path.name}, exposure {name}: {one} stands here twice" for one in sorted(twice))
    return Board(
        name=name,
        title=str(exposure.get("label") or name),
        description=" ".join(str(exposure.get("description") or "").split()),
        owner=_owner(exposure),
        language=language,
        figures=tuple(one for one in figures if one.name not in twice),
    )


def _owner(node: Mapping[str, Any]) -> str:
    owner = node.get("owner") or {}
    return str(owner.get("name") or owner.get("email") or node.get("name") or "")
