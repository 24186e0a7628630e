"""What lies in which tree: SQL and YAML in dbt/, no packages in tests/, one name a model."""

from collections import defaultdict
from pathlib import Path

import pytest

NODE_FOLDERS = {("models", ".sql"), ("models", ".py"), ("seeds", ".csv"), ("snapshots", ".sql")}


def misplaced(paths: list[Path]) -> list[str]:
    """Files that must not lie where they lie."""
    faults = []
    for path in paths:
        if path.parts[0] == "dbt" and path.name == "__init__.py":
            faults.append(f"{path}: remove it, it makes dbt/ hide the installed package dbt")
        elif path.parts[0] == "dbt" and path.suffix == ".py":
            faults.append(f"{path}: dbt/ holds SQL and YAML; Python belongs to lakehouse/")
        elif path.parts[0] == "tests" and path.name == "__init__.py":
            faults.append(f"{path}: remove it, it makes the folder hide the package of its name")
    return faults


def doubled_nodes(paths: list[Path]) -> list[str]:
    """Models, seeds and snapshots of the dbt project that share a name."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if path.parts[0] == "dbt" and (path.parts[1], path.suffix) in NODE_FOLDERS:
            by_name[path.stem].append(path)
    return [
        f"{name} is the name of {', '.join(map(str, same))}: model names are unique over the "
        "whole project, put the domain or the source into one of them"
        for name, same in by_name.items()
        if len(same) > 1
    ]


def test_no_file_lies_in_the_wrong_tree(project_files: list[Path]) -> None:
    faults = misplaced(project_files)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "name", ["dbt/__init__.py", "dbt/models/olist/x.py", "tests/flows/__init__.py"]
)
def test_a_file_in_the_wrong_tree_is_found(name: str) -> None:
    allowed = [Path("lakehouse/__init__.py"), Path("tests/flows/test_elt.py")]
    (fault,) = misplaced([Path(name), *allowed])
    assert fault.startswith(name)


def test_every_dbt_model_has_its_own_name(project_files: list[Path]) -> None:
    faults = doubled_nodes(project_files)
    assert not faults, "\n".join(faults)


def test_two_models_of_one_name_are_found() -> None:
    paths = ["dbt/models/a/stg_x.sql", "dbt/models/b/stg_x.sql", "dbt/models/b/stg_x.yml"]
    (fault,) = doubled_nodes([Path(path) for path in paths])
    assert "dbt/models/a/stg_x.sql, dbt/models/b/stg_x.sql" in fault
