"""A small dbt project on disk, a fake dbt, and an empty home."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.settings import Settings
from lakehouse.transform.dbt_command import DbtBuild


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the domain `shop`, which nobody runs."""
    root = tmp_path / "project"
    for folder in ("models/shop", "seeds/shop", "tests/singular/shop", "macros"):
        (root / folder).mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: p\nprofile: p\n")
    (root / "profiles.yml").write_text("p: {target: dev, outputs: {dev: {type: duckdb}}}\n")
    (root / "models/shop/a.sql").write_text("select 1 as id")
    (root / "seeds/shop/s.csv").write_text("id\n1\n")
    return root


@pytest.fixture
def settings(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith(("ALJIBE_", "DBT_"))]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home", project_dir=project)


@pytest.fixture
def build(settings: Settings) -> DbtBuild:
    build = DbtBuild.of(settings, "shop")
    build.warehouse.parent.mkdir(parents=True)
    return build


@pytest.fixture
def fake_dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Let a shell script be dbt."""

    def use(script: str) -> Path:
        path = tmp_path / "dbt"
        path.write_text("#!/bin/bash\n" + textwrap.dedent(script))
        path.chmod(0o755)
        monkeypatch.setattr(
            "lakehouse.transform.dbt_process._child_command", lambda _child: [str(path)]
        )
        return path

    return use
