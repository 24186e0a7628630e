"""What a dbt build is asked to do, as a value, and the command line for it."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.errors import DbtCouldNotRun, DomainUnknown
from lakehouse.lake.warehouse import Warehouse, profile_environment, threads_of, warehouse_of
from lakehouse.settings import Settings
from lakehouse.source_catalog import known_domains

_FOREIGN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_WITHOUT_THREADS = ("ls",)
_PARTS_OF_A_DOMAIN = ("models", "seeds", "snapshots", "tests/singular")


@dataclass(frozen=True)
class DbtBuild:
    """One build of one domain.

    Attributes:
        select: dbt's node selection, within the domain; None builds all of the domain, or of a
            foreign project.
        nodes: selectors that each name one node, in place of `select` and `exclude`; what is
            attached to these nodes is not selected with them.
        only_buildable_tests: leave out tests that also read what the build neither builds nor
            builds upon.
        memory: limit of DuckDB, beyond which it spills to disk.
        foreign: the project is not ours: no raw views, no deliveries, nothing to skip.
        as_of: deliveries by `source.table` that are read in place of the newest.
        extensions: folder of DuckDB's extensions, where raw views need them; else None.
    """

    domain: str
    project_dir: Path
    profiles_dir: Path
    target_path: Path
    warehouse: Warehouse
    select: str | None = None
    exclude: str | None = None
    nodes: tuple[str, ...] = ()
    only_buildable_tests: bool = False
    target: str | None = None
    full_refresh: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 2
    memory: str = "1500MB"
    foreign: bool = False
    as_of: Mapping[str, int] = field(default_factory=dict)
    extensions: Path | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        domain: str,
        *,
        select: str | None = None,
        exclude: str | None = None,
        target: str | None = None,
        full_refresh: bool = False,
        variables: Mapping[str, Any] | None = None,
        threads: int | None = None,
        project_dir: str | None = None,
        profiles_dir: str | None = None,
    ) -> "DbtBuild":
        """Fill what was not given from the settings.

        Raises:
            DbtCouldNotRun: project or profiles are not where they were said to be.
            DomainUnknown: a foreign project is given a name that cannot be its own.
        """
        project = Path(project_dir).expanduser().resolve() if project_dir else settings.project_dir
        foreign = project != settings.project_dir
        if foreign and (
            not _FOREIGN_NAME.fullmatch(domain) or domain in known_domains(settings.project_dir)
        ):
            raise DomainUnknown(
                f"{domain!r} cannot be the name of {project}: use letters, digits, _ and -, and "
                "not the name of a domain of this project, whose results it would replace."
            )
        warehouse = settings.warehouse(domain) if foreign else warehouse_of(settings, domain)
        profiles = Path(profiles_dir).expanduser().resolve() if profiles_dir else project
        for folder, name in ((project, "dbt_project.yml"), (profiles, "profiles.yml")):
            if not (folder / name).is_file():
                raise DbtCouldNotRun(f"There is no {name} in {folder}. Check the path given.")
        return cls(
            domain=domain,
            project_dir=project,
            profiles_dir=profiles,
            target_path=settings.dbt_target(domain),
            warehouse=warehouse,
            select=select,
            exclude=exclude,
            target=target,
            full_refresh=full_refresh,
            variables=dict(variables or {}),
            threads=threads_of(warehouse, threads or settings.dbt_threads),
            memory=settings.dbt_memory,
            foreign=foreign,
            extensions=settings.extensions if settings.raw_url and not foreign else None,
        )

    @property
    def selection(self) -> list[str]:
        """Selectors for dbt; empty means all.

        As given, each limited to the domain, whose words another domain may use too; else the
        folders of the domain.
        """
        if self.foreign:
            return self.select.split() if self.select else []
        if self.select:
            return [f"{selector},path:*/{self.domain}" for selector in self.select.split()]
        folders = [f"{part}/{self.domain}" for part in _PARTS_OF_A_DOMAIN]
        return [f"path:{folder}" for folder in folders if (self.project_dir / folder).is_dir()]

    def arguments(self) -> list[str]:
        """Arguments after `dbt`, without logging and profile options."""
        arguments = [*self.command("build"), *self.selecting()]
        if self.full_refresh:
            arguments.append("--full-refresh")
        return arguments

    def selecting(self) -> list[str]:
        """Arguments that select the nodes of the build, also for other commands of dbt."""
        if self.nodes:
            return ["--select", *self.nodes, "--indirect-selection", "empty"]
        arguments = ["--select", *self.selection] if self.selection else []
        if self.exclude:
            arguments += ["--exclude", *self.exclude.split()]
        if self.only_buildable_tests:
            arguments += ["--indirect-selection", "buildable"]
        return arguments

    def command(self, *words: str, target_path: Path | None = None) -> list[str]:
        """Arguments of another dbt command on the same project and target.

        Args:
            words: the command, such as `docs`, `generate`.
            target_path: its own target folder; default the build's, whose files it overwrites.
        """
        target_path = target_path or self.target_path
        arguments = [*words, "--project-dir", str(self.project_dir)]
        arguments += ["--target-path", str(target_path)]
        if words[0] not in _WITHOUT_THREADS:
            arguments += ["--threads", str(self.threads)]
        if self.target:
            arguments += ["--target", self.target]
        if self.variables:
            arguments += ["--vars", json.dumps(dict(self.variables))]
        return arguments

    @property
    def working_dir(self) -> Path:
        """Folder that dbt is started in, from which relative paths of a profile count."""
        if self.foreign:
            return self.project_dir
        return self.warehouse.parent if isinstance(self.warehouse, Path) else self.target_path

    def child_environment(self) -> dict[str, str]:
        """Variables for a dbt that is started in `working_dir`.

        What dbt has parsed is of use to another home only if its profile names no path of this one.
        """
        own = {"ALJIBE_WAREHOUSE": self.warehouse.name} if isinstance(self.warehouse, Path) else {}
        return {**self.environment(), **({} if self.foreign else own)}

    def environment(self) -> dict[str, str]:
        """Variables that the project's profile reads."""
        own = {"ALJIBE_EXTENSIONS_DIR": str(self.extensions)} if self.extensions else {}
        return {
            **own,
            **profile_environment(self.warehouse, self.target_path),
            "ALJIBE_DBT_THREADS": str(self.threads),
            "ALJIBE_DBT_MEMORY": self.memory,
            # Not one of dbt's variables: each value of those has the whole project parsed anew.
            "ALJIBE_AS_OF_DELIVERY": json.dumps(dict(self.as_of)),
            "DBT_LOG_PATH": str(self.target_path / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }


def dbt_executable() -> str:
    """Path of the dbt command that belongs to this Python.

    Raises:
        DbtCouldNotRun: dbt is not installed.
    """
    beside = Path(sys.executable).parent / "dbt"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("dbt")
    if not found:
        raise DbtCouldNotRun("The command dbt is not installed beside this Python.")
    return found
