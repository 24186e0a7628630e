"""Figures of the dashboard that the project declares fit its models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from lakehouse.dashboard.declared_domain import Board, declared_domain
from lakehouse.dashboard.figure import Figure
from lakehouse.quality.masking import is_personal
from lakehouse.source_catalog import known_domains

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
# Layers that dbt_project.yml publishes.
PUBLISHED = {
    "olist": {"core", "marts"},
    "techstore": {"staging", "consume"},
    "wells": {"core", "marts"},
    "bioreactor": {"core", "marts"},
    "pharma_latam": {"consume"},
}


def models(domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Layer and declaration of each model of a domain."""
    folder = PROJECT / "models" / domain
    for path in sorted(folder.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", []):
            yield path.relative_to(folder).parts[0], model


@pytest.mark.parametrize("domain", ["olist", "techstore"])
def test_every_figure_reads_a_published_model_and_columns_that_it_has(domain: str) -> None:
    declared = declared_domain(PROJECT, domain)
    assert declared.faults == ()
    assert declared.boards
    known = {model["name"]: (layer, model) for layer, model in models(domain)}
    for board in declared.boards:
        for figure in board.figures:
            layer, model = known[figure.model]
            assert layer in PUBLISHED[domain], f"{board.name}.{figure.name}"
            columns = {column["name"]: column for column in model["columns"]}
            assert figure.columns_read <= set(columns), f"{board.name}.{figure.name}"
            assert figure.by is None or not is_personal(columns[figure.by])
            if figure.column:
                assert columns[figure.column]["description"]


@pytest.mark.parametrize("domain", ["olist", "techstore"])
def test_a_board_depends_on_every_model_that_its_figures_read(domain: str) -> None:
    path = PROJECT / "models" / domain / f"_{domain}__exposures.yml"
    for exposure in yaml.safe_load(path.read_text("utf-8"))["exposures"]:
        figures = exposure["config"]["meta"]["figures"]
        refs = {text.split("'")[1] for text in exposure["depends_on"]}
        assert {figure["model"] for figure in figures} <= refs, exposure["name"]


def test_the_same_model_name_stands_in_one_published_layer_only() -> None:
    for domain in known_domains(PROJECT):
        names = [m["name"] for layer, m in models(domain) if layer in PUBLISHED[domain]]
        assert sorted(names) == sorted(set(names))


def test_personal_columns_of_every_domain_are_known() -> None:
    assert {"cliente", "email"} <= declared_domain(PROJECT, "techstore").masked
    for domain in known_domains(PROJECT):
        declared = declared_domain(PROJECT, domain)
        assert declared.is_known
        personal = {
            column["name"].lower()
            for _, model in models(domain)
            for column in model.get("columns", [])
            if is_personal(column)
        }
        assert personal <= declared.masked


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"column": None}, "column is missing"),
        ({"show": "bars"}, "by is missing"),
        ({"show": "months"}, "period is missing"),
        ({"show": "table"}, "columns is missing"),
        ({"measure": "mean", "per": "orders"}, "per goes with measure: sum"),
        ({"label": {"en": "Orders"}}, "one for each of"),
        ({"column": "a; drop table x"}, "should match pattern"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_figure_that_says_too_little_or_too_much_is_refused(
    changed: dict[str, Any], said: str
) -> None:
    figure = {"name": "a", "label": "A", "model": "m", "show": "number", "column": "orders"}
    assert Figure.model_validate(figure)
    with pytest.raises(ValidationError, match=said):
        Figure.model_validate({**figure, **changed})


def project_with(tmp_path: Path, exposures: str) -> Path:
    folder = tmp_path / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__exposures.yml").write_text(exposures, "utf-8")
    return tmp_path


def board(project: Path) -> Board:
    return declared_domain(project, "shop").boards[0]


def test_a_figure_that_cannot_be_used_is_named_and_the_others_stay(tmp_path: Path) -> None:
    project = project_with(
        tmp_path,
        """
exposures:
  - name: sales
    label: Sales
    owner: {name: Ana}
    config:
      meta:
        figures:
          - {name: orders, label: Orders, model: fct, show: number, measure: count}
          - {name: gmv, label: GMV, model: fct, show: number}
          - {name: twice, label: A, model: fct, show: number, measure: count}
          - {name: twice, label: B, model: fct, show: number, measure: count}
""",
    )
    declared = declared_domain(project, "shop")
    assert [figure.name for figure in board(project).figures] == ["orders"]
    assert declared.faults == (
        "_shop__exposures.yml, exposure sales, figure 2: column is missing: show: number needs it",
        "_shop__exposures.yml, exposure sales: twice stands here twice",
    )


def test_a_domain_whose_declarations_cannot_be_read_shows_no_row(tmp_path: Path) -> None:
    project = project_with(tmp_path, "exposures: [")
    declared = declared_domain(project, "shop")
    assert not declared.is_known
    assert "_shop__exposures.yml cannot be read" in declared.faults[0]
    assert not declared_domain(project, "../shop").is_known
