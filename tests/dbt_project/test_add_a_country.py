"""The page docs/add-a-country.md, followed word for word on a copy of the project."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-a-country.md"
STEP = re.compile(
    r"^### (Create|Append to|Change a line of) `([^`]+)`\n\n```\w+\n(.*?)^```$", re.M | re.S
)


def steps() -> list[tuple[str, str, str]]:
    return STEP.findall(PAGE.read_text(encoding="utf-8"))


def follow(step: tuple[str, str, str], repository: Path) -> None:
    verb, name, text = step
    path = repository / name
    if verb == "Create":
        assert not path.exists()
        path.write_text(text, encoding="utf-8")
    elif verb == "Append to":
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    else:
        old, new = (line[1:] for line in text.splitlines())
        content = path.read_text(encoding="utf-8")
        assert content.count(f"{old}\n") == 1
        path.write_text(content.replace(f"{old}\n", f"{new}\n"), encoding="utf-8")


@pytest.fixture
def files_of_colombia(smallest, delivery) -> list:
    header, row = re.search(
        r"^```text\n(.*)\n(.*)\n```$", PAGE.read_text(encoding="utf-8"), re.M
    ).groups()
    assert header == "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda"
    return [*smallest(), delivery("ventas_col", "ventas_col.csv", [row.split(",")])]


def test_the_page_edits_no_sql_that_is_there():
    assert [(verb, Path(name).suffix) for verb, name, _ in steps()] == [
        ("Append to", ".yml"),
        ("Create", ".sql"),
        ("Create", ".yml"),
        ("Change a line of", ".yml"),
        ("Append to", ".csv"),
    ]


@pytest.mark.long
def test_a_country_added_by_the_page_reaches_the_fact(copied_project, files_of_colombia):
    repository = copied_project.project_dir.parent
    if any((repository / name).exists() for verb, name, _ in steps() if verb == "Create"):
        pytest.skip("The project has the page's country already.")
    in_list = next(step for step in steps() if step[0] == "Change a line of")
    for step in steps():
        if step != in_list:
            follow(step, repository)
    copied_project.deliver(files_of_colombia)
    unlisted = "assert_every_country_with_a_staging_model_is_in_the_list"
    forgotten = copied_project.dbt("test", "--select", unlisted)
    assert forgotten.status(unlisted) == "fail"
    assert forgotten.query(f"from dq_audit.{unlisted}") == [("col",)]

    follow(in_list, repository)
    build = copied_project.dbt("build")
    assert build.not_passed() == {}
    assert build.query(
        "select pais, count(*), sum(venta_total_usd) from consume.fct_ventas_latam "
        "group by pais order by pais"
    ) == [
        ("ARG", 3, Decimal("211.81")),
        ("BRA", 2, Decimal("1289.40")),
        ("COL", 1, Decimal("217.50")),
    ]


def test_every_staging_model_of_sales_stands_in_the_list_of_countries():
    staging = ROOT / "dbt" / "models" / "pharma_latam" / "staging"
    models = {path.stem.removeprefix("stg_ventas_") for path in staging.glob("stg_ventas_*.sql")}
    listed = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text())["vars"]["pharma_paises"]
    assert models
    assert sorted(listed) == sorted(models), (
        "pharma_paises in dbt/dbt_project.yml and the models stg_ventas_<code> must name the same "
        "countries: add the missing code to the list, or its staging model."
    )
