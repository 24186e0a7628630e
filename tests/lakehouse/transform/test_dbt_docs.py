import base64
import hashlib
import json
import re
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from lakehouse.errors import DbtCouldNotRun
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.transform.catalog_page import (
    catalog_page,
    manifest_hash,
    shown_catalog,
    shown_manifest,
)
from lakehouse.transform.dbt_command import DbtBuild
from lakehouse.transform.dbt_docs import build_catalog

VIEWER = Path(str(distribution("dbt-core").locate_file("dbt/task/docs/index.html")))
SCHEMAS = "https://schemas.getdbt.com/dbt"
HOSTILE = "</script><script>alert(1)</script><!--"
A, B = "model.p.a", "model.p.b"


def make_node(unique_id: str, folder: str, parents: tuple[str, ...] = (), **fields) -> dict:
    kind, _, name = unique_id.split(".")[:3]
    return {
        "unique_id": unique_id,
        "name": name,
        "resource_type": kind,
        "package_name": "p",
        "original_file_path": f"{folder}/{name}.sql",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": list(parents), "macros": []},
        **fields,
    }


def make_manifest(*nodes: dict, **sections) -> dict:
    return {
        "metadata": {
            "dbt_schema_version": f"{SCHEMAS}/manifest/v12.json",
            "adapter_type": "duckdb",
            "user_id": "somebody",
            "env": {"SECRET": "1"},
            "send_anonymous_usage_stats": True,
        },
        "nodes": {node["unique_id"]: node for node in nodes},
        "parent_map": {node["unique_id"]: node["depends_on"]["nodes"] for node in nodes},
        "child_map": {},
        **sections,
    }


def two_models(**fields) -> dict:
    return make_manifest(
        make_node(A, "models/shop", **fields), make_node(B, "models/shop", parents=(A,))
    )


@pytest.fixture
def ended(build: DbtBuild) -> Callable[..., DbtBuild]:
    """A build that has ended with this manifest and with these statuses."""

    def end(manifest: dict, **statuses: str) -> DbtBuild:
        build.target_path.mkdir(parents=True, exist_ok=True)
        results = [
            {"unique_id": f"model.p.{name}", "status": status} for name, status in statuses.items()
        ]
        run = {
            "metadata": {
                "dbt_schema_version": f"{SCHEMAS}/run-results/v6.json",
                "generated_at": "2026-11-21T06:00:00Z",
            },
            "results": results,
        }
        (build.target_path / "manifest.json").write_text(json.dumps(manifest))
        (build.target_path / "run_results.json").write_text(json.dumps(run))
        return build

    return end


@pytest.fixture
def dbt(fake_dbt, tmp_path: Path) -> Callable[..., Callable[[], int]]:
    """A dbt that writes its viewer and a catalog with these tables; gives the number of calls."""

    def use(*tables: str, code: int = 0, errors: list[str] | None = None) -> Callable[[], int]:
        nodes = {table: {"columns": {"id": {"type": "INTEGER"}}} for table in tables}
        metadata = {"dbt_schema_version": f"{SCHEMAS}/catalog/v1.json"}
        content = {"metadata": metadata, "nodes": nodes, "sources": {}, "errors": errors}
        (tmp_path / "catalog.json").write_text(json.dumps(content))
        fake_dbt(
            f"""
            echo called >> {tmp_path}/calls
            while [ "$1" != --target-path ]; do shift; done
            cp {VIEWER} {tmp_path}/catalog.json "$2"
            echo overwritten > "$2/manifest.json"
            exit {code}
            """
        )
        calls = tmp_path / "calls"
        return lambda: len(calls.read_text().split()) if calls.exists() else 0

    return use


def make(build: DbtBuild, page: Path, **options) -> str:
    made = build_catalog(build, "profiles", page, timeout=20, on_line=lambda _line: None, **options)
    assert made == page
    return page.read_text("utf-8")


def test_the_page_is_made_once_and_the_files_of_the_build_stay(ended, dbt, tmp_path):
    calls = dbt(A, B)
    build = ended(two_models(), a="success", b="success")
    before = {path: path.read_bytes() for path in build.target_path.iterdir()}
    page = tmp_path / "reports" / "catalog.html"
    first = make(build, page)
    assert make(build, page) == first
    assert calls() == 1
    assert {path: path.read_bytes() for path in build.target_path.iterdir()} == before
    assert [path.name for path in page.parent.iterdir()] == ["catalog.html"]


def test_a_changed_project_and_another_link_make_it_anew(ended, dbt, tmp_path):
    calls, page = dbt(A, B), tmp_path / "catalog.html"
    make(ended(two_models(), a="success"), page)
    make(ended(two_models(description="What sells."), a="success"), page)
    assert calls() == 2
    make(ended(two_models(description="What sells."), a="success"), page, back=("x.html", "Back"))
    assert calls() == 3


def test_a_table_that_was_missing_is_added_once_it_is_built(ended, dbt, tmp_path):
    page = tmp_path / "catalog.html"
    calls = dbt(A)
    make(ended(two_models(), a="success", b="error"), page)
    make(ended(two_models(), a="success", b="error"), page)
    assert calls() == 1
    dbt(A, B)
    make(ended(two_models(), a="success", b="success"), page)
    make(ended(two_models(), a="success", b="success"), page)
    assert calls() == 2


def test_a_damaged_page_is_made_anew(ended, dbt, tmp_path):
    calls, page = dbt(A, B), tmp_path / "catalog.html"
    page.write_text("<!-- made from {torn} -->")
    make(ended(two_models(), a="success"), page)
    assert calls() == 1


def test_a_warehouse_that_dbt_cannot_read_leaves_the_page_as_it_was(ended, dbt, tmp_path):
    dbt(A, code=1, errors=["no permission on b"])
    page = tmp_path / "catalog.html"
    page.write_text("old")
    with pytest.raises(DbtCouldNotRun, match="no permission on b"):
        make(ended(two_models(), a="success"), page)
    assert page.read_text() == "old"


def test_the_hash_is_of_the_project_and_not_of_the_run():
    def hash_of(manifest: dict) -> str:
        return manifest_hash(shown_manifest(Manifest(manifest), None))

    plain = hash_of(two_models(created_at=1, compiled_code="select 1", build_path="x"))
    assert plain == hash_of(two_models(created_at=2, compiled_code="select 2", build_path="y"))
    other = two_models()
    other["nodes"][A]["depends_on"]["macros"] = ["macro.dbt.test_unique"]
    assert plain == hash_of(other)
    assert plain != hash_of(two_models(raw_code="select 2"))


def test_a_domain_shows_its_own_nodes_what_they_read_and_their_tests():
    manifest = make_manifest(
        make_node("model.p.own", "models/shop/staging", parents=("seed.p.codes",), group="ours"),
        make_node("seed.p.codes", "seeds/shared"),
        make_node("model.p.other", "models/bakery", parents=("model.p.own",)),
        make_node("test.p.of_own", "models/shared", parents=("model.p.own",)),
        make_node("test.p.singular", "tests/singular/shop", parents=("model.p.own",)),
        make_node("test.p.of_other", "models/bakery", parents=("model.p.other",)),
        child_map={"model.p.own": ["model.p.other", "test.p.of_own"]},
        groups={name: {"name": name, "owner": {"name": name}} for name in ("ours", "theirs")},
    )
    shown = shown_manifest(Manifest(manifest), "shop")
    assert set(shown["nodes"]) == {
        "model.p.own",
        "seed.p.codes",
        "test.p.of_own",
        "test.p.singular",
    }
    assert set(shown["groups"]) == {"ours"}
    assert shown["child_map"] == {"model.p.own": ["test.p.of_own"]}
    catalog = {"nodes": {"model.p.own": {}, "model.p.other": {}}, "sources": {}}
    assert set(shown_catalog(catalog, shown["nodes"])["nodes"]) == {"model.p.own"}


def test_neither_rows_nor_the_machine_are_shown():
    fields = {
        "compiled_code": "select 'canary'",
        "root_path": "/secret/place",
        "created_at": 1,
    }
    manifest = two_models(**fields)
    manifest["unit_tests"] = {"unit_test.p.a.u": {"given": [{"rows": [{"name": "canary"}]}]}}
    manifest["macros"] = {
        "macro.dbt.own": {"package_name": "dbt", "macro_sql": "inner"},
        "macro.p.mine": {"package_name": "p", "macro_sql": "mine"},
    }
    shown = shown_manifest(Manifest(manifest), None)
    words = json.dumps(shown)
    assert not [word for word in ("canary", "secret", "somebody", "SECRET") if word in words]
    assert set(shown["macros"]) == {"macro.p.mine"}
    assert shown["metadata"]["send_anonymous_usage_stats"] is False


def page_of(manifest: dict) -> str:
    return catalog_page(
        VIEWER.read_text("utf-8"),
        shown_manifest(Manifest(manifest), None),
        {"nodes": {}, "sources": {}},
        title="shop <1>",
        back=("index.html", "Informes"),
    )


def test_the_only_script_is_the_one_that_the_policy_knows():
    page = page_of(two_models(description=HOSTILE))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    script = re.search(r'<script defer="defer">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "<script>alert(1)" not in page
    assert json.dumps(HOSTILE).replace("<", "\\u003c") in script


def test_the_page_leads_back_to_the_reports_and_bears_their_title():
    page = page_of(two_models())
    assert '<a href="index.html"' in page
    assert ">Informes</a></body>" in page
    assert "<title>shop &lt;1&gt;</title>" in page


def test_another_viewer_is_refused():
    with pytest.raises(DbtCouldNotRun, match="version of dbt"):
        catalog_page("<html ><script></script>", {}, {}, title="", back=("", ""))
